"""The runs as they train: where each stands, what can be asked of it, and what it writes."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import streamlit as st

from explorer import state
from explorer.navigation import PAGES
from explorer.shared import loading, widgets
from explorer.shared.fragment import fragment
from explorer.train import jobs
from explorer.train.curves import curves
from explorer.train.runs import folders as run_folders
from explorer.train.runs.folders import logged, ref_of
from gpt import Run
from gpt.train.run import Status
from gpt.train.tail import Logged

PERIOD = 1.0  # seconds between two looks at a live run
SAMPLE_HEIGHT = 300  # pixels
EXAMPLE = "shakespeare-char"  # what the page shows before the first run
RECENT = 30  # logged rows that speed and time left are taken from
WORDS = {
    "queued": "Waiting",
    "running": "Training",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
    "interrupted": "Interrupted",
}
RESUMABLE = ("paused", "stopped", "failed", "interrupted")


def training() -> None:
    """The chosen run, followed for as long as any run is live."""
    while_live(_shown_run)


def while_live(draw: Callable[[], None]) -> None:
    """Draw, and again each `PERIOD` for as long as any run is live; nothing is asked of the server after that."""
    runs = loading.runs_folder()
    is_live = bool(jobs.live(runs))

    def follow() -> None:
        widgets.tell()
        with widgets.guarded():
            jobs.advance(runs)
        if bool(jobs.live(runs)) != is_live:
            st.rerun()
        draw()

    fragment(follow, run_every=PERIOD if is_live else None)


def own_runs() -> list[str]:
    """The names of the person's runs that can be opened, newest first."""
    return [ref.removeprefix("runs/") for ref in loading.models() if ref.startswith("runs/")]


def _chosen_name() -> str | None:
    """Its name; None where there is no run."""
    return followed(own_runs())


def followed(names: Sequence[str]) -> str | None:
    """The name of the run that the person chose, else of the newest. It stays when others start newer ones: buttons act on it."""
    there = [name for name in (state.choice("run"), state.recall("run shown"), *names[:1]) if name in names]
    state.remember("run shown", next(iter(there), None))
    return state.recall("run shown")


def chosen_run() -> Run | None:
    """That run, where it can be read; what is wrong with one that cannot is said where its state is shown."""
    name = _chosen_name()
    with suppress(ValueError):
        return loading.load_run(f"runs/{name}") if name else None
    return None


def _shown_run() -> None:
    names, shown = own_runs(), _chosen_name()
    wanted = state.choice("run")
    if wanted is not None and wanted not in names:
        st.warning(f"There is no run called “{widgets.plain(wanted)}” here.", icon=":material/search_off:")
    if shown is None:
        return _example()
    which, buttons = st.columns([2, 3], vertical_alignment="bottom")
    with which:
        _run_picker(names, shown)
    with widgets.guarded():
        run = loading.load_run(f"runs/{shown}")
        status = run.status
        with buttons.container(horizontal=True, vertical_alignment="center"):
            actions(run, status)
        progress(run, status)
        _curves_and_sample(run)


def _example() -> None:
    """What a training looks like, on one that ships, while the person has none."""
    run = loading.load_run(EXAMPLE)
    st.markdown(
        "**No run yet.** Press *Start* above; the defaults train a small GPT in about a minute. "
        f"Below is how the shipped model *{run.name}* was trained."
    )
    _curves_and_sample(run)


def _curves_and_sample(run: Run) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left, widgets.guarded():
        curves(run)
    with right:
        newest_sample(run)
        with st.container(horizontal=True):
            look_into(run)


def _run_picker(names: list[str], shown: str) -> None:
    """The runs with their states. A selectbox knows its options by their labels, so a new state makes a new one."""
    labels = {name: _labelled(name) for name in names}
    key = f"train:run:{shown}:{hash(tuple(labels.values()))}"
    picked = st.selectbox("Run", names, names.index(shown), format_func=labels.get, key=key)
    if picked != shown:
        state.choose(run=picked)
        st.rerun()


def _labelled(name: str) -> str:
    run = run_folders.found(loading.runs_folder() / name).run
    return f"{run.label} · {WORDS[run.status.state].lower()}" if run else f"{name} · cannot be read"


def actions(run: Run, status: Status) -> None:
    """What can be asked of a run; what makes no sense as it stands is disabled, so that no button moves under the hand."""

    def button(label: str, icon: str, ask: Callable[[Run], None], possible: bool, help: str) -> None:
        key = f"train:{label}:{run.name}"
        st.button(
            label, icon=icon, on_click=widgets.attempt, args=(ask, run), disabled=not possible, help=help, key=key
        )

    state = status.state
    button(
        "Pause",
        ":material/pause:",
        jobs.pause,
        state == "running",
        "Waits after the present step, and keeps its place.",
    )
    button("Resume", ":material/play_arrow:", jobs.resume, state in RESUMABLE, "Goes on from where it is.")
    told = "Saves its state and ends the process; it can be resumed."
    button("Stop", ":material/stop:", jobs.stop, state in jobs.LIVE, told)


def open_in(page: str, title: str, icon: str, run: Run) -> None:
    """A link that opens this run on another page; all but the page where it trains wait for its first snapshot."""
    link = {"model": ref_of(run), "run": run.name}
    st.page_link(
        PAGES / page,
        label=f"Open in {title}",
        icon=icon,
        query_params=link,
        disabled=page != "train.py" and not run.steps,
    )


def look_into(run: Run) -> None:
    """Links to the pages that look into this kind of model, where there are any."""
    if run.recipe.objective == "translation":
        return widgets.look_into_translator(ref_of(run), disabled=not run.steps)
    if run.recipe.objective in loading.SPEECHLESS:
        return
    open_in("attention.py", "Attention", ":material/grid_on:", run)
    open_in("timetravel.py", "Time travel", ":material/history:", run)


def stop_and_resume(runs: Sequence[Run], key: str) -> None:
    """What can be asked of runs that belong together; what makes no sense as they stand is disabled. key: of these buttons."""
    states = {run.name: run.status.state for run in runs}

    def button(
        word: str, icon: str, ask: Callable[[Run], None], wanted: Sequence[str], help: str | None = None
    ) -> None:
        chosen = [run for run in runs if states[run.name] in wanted]
        label = word if len(runs) < 2 else f"{word} all"
        st.button(
            label,
            icon=icon,
            on_click=_ask_each,
            args=(ask, chosen),
            disabled=not chosen,
            help=help,
            key=f"{key}:{word}",
        )

    button("Stop", ":material/stop:", jobs.stop, jobs.LIVE, "Saves the state, to be resumed.")
    button("Resume", ":material/play_arrow:", jobs.resume, RESUMABLE)


def _ask_each(ask: Callable[[Run], None], runs: Sequence[Run]) -> None:
    for run in runs:
        if not widgets.attempt(ask, run):
            return  # the others fail alike


def progress(run: Run, status: Status, *title: str) -> None:
    """How far a run is, in one bar with its numbers, and why it ended where that has to be said. title: Markdown before them."""
    steps = run.recipe.steps
    step = min(status.step, steps)
    st.progress(step / steps, text=" · ".join([*title, *_where(run, status)]))
    if status.why and status.state not in jobs.LIVE:
        show = st.error if status.state == "failed" else st.info
        show(widgets.plain(status.why[:1].upper() + status.why[1:], longest=1000) + widgets.plain("."))


def _where(run: Run, status: Status) -> list[str]:
    """The state in words, and the numbers that go with it."""
    numbers = logged(run.folder)
    words = [f"**{WORDS[status.state]}**", f"step {status.step:,} of {run.recipe.steps:,}"]
    if status.state == "queued":
        words[0] = "**Starting**" if jobs.is_starting(run) else f"**Waiting for its turn** ({_ahead(run)})"
    if run.stop_request.exists():
        words[0] += ", stops after this step"
    names = ("tokens_per_s", "elapsed", "val_loss", "exact", "reward")
    speeds, spent, vals, exact, rewards = (numbers.series(name)[1] for name in names)
    left = seconds_left(numbers, run.recipe.steps)
    if status.state == "running" and left is not None and len(speeds):
        words += [f"{clock(left)} left", f"{np.median(speeds[-RECENT:]):,.0f} tokens/s"]
    elif len(spent):
        words.append(f"{clock(spent[-1])} of training")
    if len(vals):
        words.append(f"validation loss {vals[-1]:.3f}")
    if len(exact):
        words.append(f"{exact[-1]:.1%} translated exactly")
    if len(rewards):
        words.append(f"reward {rewards[-1]:+.2f}")
    return words


def _ahead(run: Run) -> str:
    others = [other.name for other in jobs.live(run.folder.parent) if other.name != run.name and other.is_held]
    if not others:
        return "it starts within a second"
    return f"{jobs.slots()} can train at once here; now: {', '.join(map(widgets.plain, others))}"


def newest_sample(run: Run) -> None:
    """What a run wrote at its newest snapshot."""
    samples = run.samples()
    newest = samples[-1] if samples else {}
    st.markdown(f"What it writes after step {newest['step']:,}" if "step" in newest else "What it writes")
    st.code(str(newest.get("text", " ")), language=None, wrap_lines=True, height=SAMPLE_HEIGHT)
    if run.recipe.objective == "translation":
        return widgets.caption("What it makes of sources that it was not trained on, always the same ones.", "1:42:39")
    widgets.caption("Drawn from the model at its newest snapshot, always with the same seed.", "0:22:11")


def seconds_left(numbers: Logged, steps: int) -> float | None:
    """How long the remaining steps take at the recent pace, evaluations and snapshots included; None while that is unknown."""
    at, elapsed = (values[-RECENT:] for values in numbers.series("elapsed"))
    if len(at) < 2 or at[-1] <= at[0]:
        return None
    return max(0.0, (elapsed[-1] - elapsed[0]) / (at[-1] - at[0]) * (steps - at[-1]))


def clock(seconds: float) -> str:
    """
    >>> clock(75), clock(3675)
    ('1:15', '1:01:15')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
