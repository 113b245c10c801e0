"""The ladder race: models of the lecture, trained on the same text, seed and batches, side by side."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.choice import Choice, choose
from explorer.figures import style
from explorer.figures.race import Racer, race_curves
from explorer.lecture.kit.sections import link_to_chapter
from explorer.navigation import PAGES
from explorer.opened import ROOT, open_run, references, runs_folder
from explorer.places import is_read_only
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.source import rung_lines
from explorer.train import jobs
from explorer.train.curves import SHAKESPEARES
from explorer.train.progress import STATE_NAMES, clock, draw_group_buttons, seconds_left, while_live
from explorer.train.runs.folders import logged
from gpt import CORPORA, PRESETS, Recipe, Run, load_corpus, load_run
from gpt.machine import time_in_words
from gpt.train.estimate import estimate
from gpt.train.presets import PUBLISHED
from gpt.train.tail import Logged

EXAMPLE = ROOT / "assets" / "race"  # a recorded race, without snapshots; see the Makefile
RUNGS = range(1, 8)
FIRST = [1, 2, 3, 4, 5]
LONGEST = 5000  # steps, as in the lecture
AXES = {"tokens read": "tokens", "seconds of training": "seconds", "steps": "steps"}
RACE = Choice("race", label="Race")
AXIS = Choice(
    "axis", options=AXES, default="tokens read", label="Against",
    help="Tokens read: the amount of data. Seconds: the time of the training process, without the time in the queue.",
)  # fmt: skip
CURVE_POINTS = 10  # validation losses of one run
CODE_HEIGHT, SAMPLE_HEIGHT = 230, 190  # pixels


def draw_form() -> None:
    """Draw the rungs, the text, the steps and the seed of a new race. Start queues one run per rung, in order."""
    if widgets.only_shows():
        return
    first, second, third, fourth, button = st.columns([5, 3, 3, 2, 3], vertical_alignment="bottom")
    keep: dict[str, Any] = {"persist_state": "session"}
    with first:
        rungs = st.pills("Rungs", RUNGS, selection_mode="multi", default=FIRST, key="race:rungs", help=RUNG, **keep)
    with second:
        text = st.selectbox("Text", list(CORPORA), key="race:text", **keep)
    with third:
        steps = st.number_input("Steps, at most", 50, LONGEST, LONGEST, 500, key="race:steps", help=STEPS, **keep)
    with fourth:
        seed = st.number_input("Seed", 0, 2**31 - 1, 1337, key="race:seed", help=SEED, **keep)
    with button:
        key = widgets.once("race:start")
        look: dict[str, Any] = {"type": "primary", "icon": ":material/flag:", "width": "stretch"}
        pressed = st.button("Start the race", disabled=not rungs, key=key, **look)
    if rungs:
        seconds = sum(estimate(recipe(rung, int(steps), int(seed))).seconds for rung in rungs)
        st.caption(f"Training takes about {time_in_words(seconds)} on one core.")
    if 7 in rungs:
        st.caption("Rung 7 has 10.8 million parameters and needs a GPU. On a laptop it takes hours; you can stop it.")
    if pressed:
        with widgets.acting("race:start", "Preparing the text …"):
            start(sorted(rungs), text, int(steps), int(seed))
            st.rerun()


def start(rungs: list[int], text: str, steps: int, seed: int) -> None:
    """Queue one run per rung under a new name, and show this race."""
    runs, corpus = runs_folder(), load_corpus(text)
    numbers = [int(name.removeprefix("race-")) for name in list_races() if re.fullmatch(r"race-\d{1,6}", name)]
    number = max(numbers, default=0) + 1
    jobs.check_room(runs, len(rungs))
    for rung in rungs:
        jobs.create(runs, f"race-{number}-rung-{rung}", recipe(rung, steps, seed), corpus)
    choose({RACE: f"race-{number}"})


def recipe(rung: int, steps: int, seed: int) -> Recipe:
    """Return the rung's recipe with at most these steps. The validation loss is measured `CURVE_POINTS` times."""
    preset = PRESETS[f"rung-{rung}"]
    steps = min(steps, preset.steps)
    every = max(1, steps // CURVE_POINTS)
    logging = {"eval_every": every, "eval_batches": 100, "log_every": max(1, steps // 300)}
    return replace(preset, steps=steps, seed=seed, snapshots=12, **logging)


def list_races() -> dict[str, dict[int, str]]:
    """List the races, the newest first: name → {rung: name of its run}. A race is all runs called NAME-rung-N."""
    races: dict[str, dict[int, str]] = {}
    for ref in references():
        match = re.fullmatch(r"runs/(.+)-rung-([1-7])", ref)
        if match:
            races.setdefault(match[1], {})[int(match[2])] = ref
    return {name: dict(sorted(refs.items())) for name, refs in races.items()}


def draw_race() -> None:
    """Draw the chosen race; it is drawn again each second while any run is live."""
    while_live(_draw_race)


def draw_links() -> None:
    """Draw links to the rungs after the lecture, and to how much of a difference is luck."""
    with st.container(horizontal=True):
        label = "Rungs 8 to 15: the ladder goes on"
        st.page_link(PAGES / "ladder.py", label=label, icon=":material/stairs:")
        st.page_link(PAGES / "seeds.py", label="How much of a difference is luck: Seeds", icon=":material/casino:")


def _draw_race() -> None:
    races = list_races()
    if RACE.text is not None and RACE.text not in races:
        st.warning(f"There is no race called “{widgets.plain(RACE.text)}” here.", icon=":material/search_off:")
    if not races:
        start = "" if is_read_only() else "Choose rungs above and press *Start the race*. "
        st.markdown(f"**No race yet.** {start}Below is a recorded race.")
        example = {rung: load_run(EXAMPLE / f"lecture-rung-{rung}") for rung in FIRST}
        return _draw_runs(example, _pick_axis(st.container()))
    shown = next(name for name in (RACE.text, state.recall("race shown"), *races) if name in races)
    state.remember("race shown", shown)  # it stays the same when a newer race starts: buttons act on it
    picker, axis, buttons = st.columns([3, 4, 4], vertical_alignment="bottom")
    with picker:
        st.selectbox(options=list(races), **RACE.bound(shown))
    unit = _pick_axis(axis)
    runs: dict[int, Run] = {}
    for rung, ref in races[shown].items():
        with widgets.guarded():
            runs[rung] = open_run(ref)
    with buttons.container(horizontal=True):
        draw_group_buttons(list(runs.values()), f"race:{shown}")
    _draw_runs(runs, unit)


def _pick_axis(place: DeltaGenerator) -> str:
    """Draw the choice of the x axis; returns one of `AXES`."""
    axis = AXIS.read()
    place.segmented_control(options=AXES, required=True, **AXIS.bound(axis))
    return axis


def _draw_runs(runs: dict[int, Run], axis: str) -> None:
    """Draw the curves of the runs of a race, and then each rung."""
    racers = {rung: _racer(rung, run, AXES[axis]) for rung, run in runs.items()}
    begun = [rung for rung in runs if len(racers[rung].train[0])]  # rung 7, the last to start, has the longest axis
    end = max((_length(runs[rung].recipe, racers[rung], AXES[axis]) for rung in begun or runs), default=1.0)
    figure = race_curves(list(racers.values()), unit=axis, end=end)
    chart(figure, key="race", alt=f"Validation losses of {len(racers)} rungs against {axis}")
    widgets.caption(
        "Thick: validation loss. Thin: running mean of the training loss. Dashed: the lecture's result. "
        "The axis ends at 3.4 nats when all losses are below it.",
        "0:34:53",
    )
    for rung, run in runs.items():
        with st.container(border=True):
            _draw_rung(rung, run)


def _racer(rung: int, run: Run, unit: str) -> Racer:
    numbers = logged(run.folder)
    curves = {name: _along(numbers, name, run.recipe, unit) for name in ("train_loss", "val_loss")}
    published = PUBLISHED[f"rung-{rung}"].loss if run.recipe.text in SHAKESPEARES else None
    color = style.head_color(rung - 1, on_dark=st.context.theme.type == "dark")
    return Racer(f"rung {rung}", color, curves["train_loss"], curves["val_loss"], published)


def _along(numbers: Logged, name: str, recipe: Recipe, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a logged metric against steps, tokens read, or seconds of training: places and values."""
    steps, values = numbers.series(name)
    if unit != "seconds":
        return steps * _per_step(recipe, unit), values
    timed, elapsed = numbers.series("elapsed")
    order, is_timed = np.argsort(timed, kind="stable"), np.isin(steps, timed)
    return elapsed[order][np.searchsorted(timed[order], steps[is_timed])], values[is_timed]


def _length(recipe: Recipe, racer: Racer, unit: str) -> float:
    if unit == "seconds":
        return max([1.0, *racer.train[0], *racer.val[0]])
    return float(recipe.steps * _per_step(recipe, unit))


def _per_step(recipe: Recipe, unit: str) -> int:
    """Return how many tokens (or steps: 1) one step adds on the x axis."""
    return recipe.batch_size * recipe.model.block_size if unit == "tokens" else 1


def _draw_rung(rung: int, run: Run) -> None:
    """Draw what a rung adds to the model, its code, its progress and its newest sample."""
    preset, published = PRESETS[f"rung-{rung}"], PUBLISHED[f"rung-{rung}"]
    st.markdown(f"**Rung {rung}** · {preset.about} · lecture {widgets.lecture_link(published.chapter)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_changes(rung))
        link_to_chapter(published.chapter, icon=":material/menu_book:")
    code, sample = st.columns([3, 2], gap="medium")
    code.code(rung_lines(rung), language="python", wrap_lines=True, height=CODE_HEIGHT)
    with sample:
        st.markdown(_progress_words(run))
        if run.status.state == "failed":
            st.error(widgets.plain(run.status.why, longest=1000))
        samples = run.samples()
        text = str(samples[-1].get("text", " ")) if samples else " "
        st.code(text, language=None, wrap_lines=True, height=SAMPLE_HEIGHT)


def _changes(rung: int) -> str:
    """Return how the rung's config differs from the rung below, as Markdown."""
    config = PRESETS[f"rung-{rung}"].model
    if rung == 1:
        return "A table: row i holds the scores of every character after character i. It reads only the last token."
    below, here = PRESETS[f"rung-{rung - 1}"].model.to_dict(), config.to_dict()
    changes = [f"`{name}` {below[name]} → {value}" for name, value in here.items() if below[name] != value]
    return f"Changes in GPTConfig: {'; '.join(changes)}."


def _progress_words(run: Run) -> str:
    """Return the state, the step, the time and the validation loss of a run, as Markdown."""
    status, numbers = run.status, logged(run.folder)
    words = [f"**{STATE_NAMES[status.state]}**", f"step {min(status.step, run.recipe.steps):,} of {run.recipe.steps:,}"]
    losses, seconds = numbers.series("val_loss")[1], numbers.series("elapsed")[1]
    left = seconds_left(numbers, run.recipe.steps)
    if status.state == "running" and left is not None:
        words.append(f"{clock(left)} left")
    elif len(seconds):
        words.append(clock(seconds[-1]))
    if len(losses):
        words.append(f"validation loss {losses[-1]:.3f}")
    return " · ".join(words)


RUNG = (
    "The steps in which the lecture builds its model: 1 the bigram table, 2 one head, 3 four heads, 4 feedforward, "
    "5 blocks with residual connections, 6 layernorm, 7 scaled up."
)
STEPS = "The lecture uses 3,000 for rung 1 and 5,000 for the others."
SEED = "For the first weights and the batches. Rungs 1 to 6 read the same chunks in the same order."
