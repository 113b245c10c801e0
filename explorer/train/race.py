"""The ladder race: rungs of the lecture trained on the same text, seed and batches, and shown side by side."""

import re
from dataclasses import fields, replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.figures import style
from explorer.figures.race import Racer, race_curves
from explorer.shared import loading, widgets
from explorer.shared.chart import chart
from explorer.shared.source import rung_lines
from explorer.train import jobs
from explorer.train.curves import SHAKESPEARES
from explorer.train.progress import WORDS, clock, seconds_left, stop_and_resume, while_live
from explorer.train.runs.folders import logged
from gpt import CORPORA, PRESETS, Recipe, Run, load_corpus, load_run
from gpt.train.estimate import estimate
from gpt.train.machine import time_in_words
from gpt.train.presets import PUBLISHED
from gpt.train.tail import Logged

EXAMPLE = (
    loading.ROOT / "assets" / "race"
)  # a race as `python -m gpt.train` wrote it, without its snapshots; see the Makefile
RUNGS = range(1, 8)
FIRST = [1, 2, 3, 4, 5]
LONGEST = 5000  # steps; the lecture's
AXES = {"tokens read": "tokens", "seconds of training": "seconds", "steps": "steps"}
CURVE_POINTS = 10  # validation losses along a race
CODE_HEIGHT, SAMPLE_HEIGHT = 230, 230  # pixels


def race_form() -> None:
    """Which rungs run, on what, and how long; Start queues them in order."""
    first, second, third, fourth, button = st.columns([5, 3, 3, 2, 3], vertical_alignment="bottom")
    with first:
        rungs = st.pills(
            "Rungs", RUNGS, selection_mode="multi", default=FIRST, key="race:rungs", persist_state="session", help=RUNG
        )
    with second:
        text = st.selectbox("Text", list(CORPORA), key="race:text", persist_state="session")
    with third:
        steps = st.number_input(
            "Steps, at most", 50, LONGEST, LONGEST, 500, key="race:steps", persist_state="session", help=STEPS
        )
    with fourth:
        seed = st.number_input("Seed", 0, 2**31 - 1, 1337, key="race:seed", persist_state="session", help=SEED)
    with button:
        pressed = st.button(
            "Start the race",
            type="primary",
            icon=":material/flag:",
            disabled=not rungs,
            width="stretch",
            key=widgets.once("race:start"),
        )
    if rungs:
        needed = sum(estimate(recipe(rung, int(steps), int(seed))).seconds for rung in rungs)
        st.caption(f"Training these takes roughly {time_in_words(needed)} of one core.")
    if 7 in rungs:
        st.caption(
            "Rung 7 has 10.8 million parameters and is a GPU's work: on a laptop it takes hours. Stop it when you like."
        )
    if pressed:
        with widgets.acting("race:start", "Preparing the text …"):
            start(sorted(rungs), text, int(steps), int(seed))
            st.rerun()


def start(rungs: list[int], text: str, steps: int, seed: int) -> None:
    """Queue one run a rung under a new name, which becomes the race that is shown."""
    runs, corpus = loading.runs_folder(), load_corpus(text)
    number = 1 + max([0, *(int(name.removeprefix("race-")) for name in races() if re.fullmatch(r"race-\d{1,6}", name))])
    for rung in rungs:
        jobs.create(runs, f"race-{number}-rung-{rung}", recipe(rung, steps, seed), corpus)
    state.choose(race=f"race-{number}")


def recipe(rung: int, steps: int, seed: int) -> Recipe:
    """The rung's own recipe, cut to these steps, with its validation loss measured `CURVE_POINTS` times on the way."""
    preset = PRESETS[f"rung-{rung}"]
    steps = min(steps, preset.steps)
    every = max(1, steps // CURVE_POINTS)
    return replace(
        preset, steps=steps, seed=seed, eval_every=every, eval_batches=100, log_every=max(1, steps // 300), snapshots=12
    )


def races() -> dict[str, dict[int, str]]:
    """The races there are, newest first: name → {rung: reference of its run}. A race is the runs called NAME-rung-N."""
    found: dict[str, dict[int, str]] = {}
    for ref in loading.prompted():
        named = re.fullmatch(r"runs/(.+)-rung-([1-7])", ref)
        if named:
            found.setdefault(named[1], {})[int(named[2])] = ref
    return {name: dict(sorted(refs.items())) for name, refs in found.items()}


def race() -> None:
    """The chosen race, followed for as long as any run is live."""
    while_live(_chosen_race)


def _chosen_race() -> None:
    found = races()
    wanted = state.choice("race")
    if wanted is not None and wanted not in found:
        st.warning(f"There is no race called “{widgets.plain(wanted)}” here.", icon=":material/search_off:")
    if not found:
        st.markdown("**No race yet.** Choose rungs above and press *Start the race*. Below is a recorded one.")
        return _draw({rung: load_run(EXAMPLE / f"lecture-rung-{rung}") for rung in FIRST}, _axis(st.container()))
    shown = next(name for name in (wanted, state.recall("race shown"), *found) if name in found)
    state.remember("race shown", shown)  # a race that others start later does not take its place under the buttons
    which, axis, actions = st.columns([3, 4, 4], vertical_alignment="bottom")
    with which:
        st.selectbox("Race", list(found), **state.bound("race", shown))
    unit = _axis(axis)
    opened: dict[int, Run | None] = {}
    for rung, ref in found[shown].items():
        with widgets.guarded():
            opened[rung] = loading.load_run(ref)
    with actions.container(horizontal=True):
        stop_and_resume([run for run in opened.values() if run], f"race:{shown}")
    _draw(opened, unit)


def _axis(place: DeltaGenerator) -> str:
    """What the curves are drawn against: one of `AXES`."""
    wanted = state.choice("axis")
    shown = wanted if wanted in AXES else "tokens read"
    place.segmented_control("Against", AXES, required=True, help=AXIS, **state.bound("axis", shown))
    return shown


def _draw(opened: dict[int, Run | None], unit: str) -> None:
    """The curves of a race's runs, and then each rung."""
    racers = [_racer(rung, run, AXES[unit]) for rung, run in opened.items()]
    pairs = list(zip(racers, opened.values(), strict=True))
    begun = [
        pair for pair in pairs if len(pair[0].train[0])
    ] or pairs  # rung 7, which waits longest, reads the most tokens
    ends = [_length(run.recipe, racer, AXES[unit]) for racer, run in begun]
    chart(
        race_curves(racers, unit=unit, end=max(ends, default=1.0)),
        key="race",
        alt=f"Validation losses of {len(racers)} rungs against {unit}",
    )
    widgets.caption(
        "Thick: validation loss, measured on the way; thin: the running mean of the training loss; dashed: what the lecture reaches. "
        "Once all are below 3.4 nats, the axis ends there.",
        "0:34:53",
    )
    _ladder(opened)


def _racer(rung: int, run: Run, unit: str) -> Racer:
    numbers = logged(run.folder)
    curves = {name: _along(numbers, name, run.recipe, unit) for name in ("train_loss", "val_loss")}
    published = PUBLISHED[f"rung-{rung}"].loss if run.recipe.text in SHAKESPEARES else None
    color = style.head_color(rung - 1, on_dark=st.context.theme.type == "dark")
    return Racer(f"rung {rung}", color, curves["train_loss"], curves["val_loss"], published)


def _along(numbers: Logged, name: str, recipe: Recipe, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """A logged quantity against steps, tokens read, or seconds of training."""
    steps, values = numbers.series(name)
    if unit != "seconds":
        return steps * (tokens_a_step(recipe) if unit == "tokens" else 1), values
    timed, elapsed = numbers.series("elapsed")
    order, kept = np.argsort(timed, kind="stable"), np.isin(steps, timed)
    return elapsed[order][np.searchsorted(timed[order], steps[kept])], values[kept]


def tokens_a_step(recipe: Recipe) -> int:
    """How many tokens one step reads."""
    return recipe.batch_size * recipe.model.block_size


def _length(recipe: Recipe, racer: Racer, unit: str) -> float:
    if unit == "seconds":
        return max([1.0, *racer.train[0], *racer.val[0]])
    return float(recipe.steps * (tokens_a_step(recipe) if unit == "tokens" else 1))


def _ladder(opened: dict[int, Run | None]) -> None:
    """Each rung: what it adds, where its run stands, and what that writes."""
    for rung, run in opened.items():
        with st.container(border=True):
            preset, published = PRESETS[f"rung-{rung}"], PUBLISHED[f"rung-{rung}"]
            st.markdown(f"**Rung {rung}** · {preset.about} · lecture {widgets.lecture_link(published.chapter)}")
            st.caption(_added(rung))
            code, sample = st.columns([3, 2], gap="medium")
            code.code(rung_lines(rung), language="python", wrap_lines=True, height=CODE_HEIGHT)
            with sample:
                _where(run)
                samples = run.samples() if run else []
                text = str(samples[-1].get("text", " ")) if samples else " "
                st.code(text, language=None, wrap_lines=True, height=SAMPLE_HEIGHT - 40)


def _added(rung: int) -> str:
    """How the rung's config differs from the one below."""
    config = PRESETS[f"rung-{rung}"].model
    if rung == 1:
        return "A table: each row holds what follows one character. It reads nothing but the present token."
    below = PRESETS[f"rung-{rung - 1}"].model
    changed = [(f.name, getattr(below, f.name), getattr(config, f.name)) for f in fields(config)]
    return (
        "Changed in GPTConfig: "
        + "; ".join(f"`{name}` {old} → {new}" for name, old, new in changed if old != new)
        + "."
    )


def _where(run: Run | None) -> None:
    if run is None:
        st.markdown("Not trained yet")
        return
    status, numbers = run.status, logged(run.folder)
    words = [f"**{WORDS[status.state]}**", f"step {min(status.step, run.recipe.steps):,} of {run.recipe.steps:,}"]
    vals, spent = numbers.series("val_loss")[1], numbers.series("elapsed")[1]
    left = seconds_left(numbers, run.recipe.steps)
    if status.state == "running" and left is not None:
        words.append(f"{clock(left)} left")
    elif len(spent):
        words.append(clock(spent[-1]))
    if len(vals):
        words.append(f"validation loss {vals[-1]:.3f}")
    st.markdown(" · ".join(words))
    if status.state == "failed":
        st.error(widgets.plain(status.why, longest=1000))


RUNG = (
    "The steps in which the lecture builds its model: 1 the bigram table, 2 one head, 3 four heads, 4 feedforward, "
    "5 blocks with residual connections, 6 layernorm, 7 scaled up."
)
STEPS = "The lecture takes 3,000 for rung 1 and 5,000 for the others."
SEED = "Of the first weights and of the batches. Rungs 1 to 6 read the very same chunks in the same order; rung 7 reads longer ones."
AXIS = (
    "Tokens read is the fair measure of data, seconds of the time that the process took, without waiting for its turn."
)
