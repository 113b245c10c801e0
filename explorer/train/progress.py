"""How far runs are, their buttons and their links: what every page with live runs shows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer import state
from explorer.choice import parameters
from explorer.navigation import PAGES
from explorer.opened import runs_folder
from explorer.people.rights import why_closed
from explorer.places import is_read_only
from explorer.shared import widgets
from explorer.shared.choices import MODEL, RUN
from explorer.shared.fragment import fragment
from explorer.train import jobs
from explorer.train.runs.folders import logged, ref_of
from explorer.train.workers import starting_words
from gpt import Run
from gpt.train.run import Status
from gpt.train.tail import Logged

PERIOD = 1.0  # seconds between two updates of a live run
RECENT = 30  # logged rows from which speed and time left are computed
STATE_NAMES = {
    "queued": "Waiting", "running": "Training", "paused": "Paused", "finished": "Finished",
    "stopped": "Stopped", "failed": "Failed", "interrupted": "Interrupted",
}  # fmt: skip
RESUMABLE = ("paused", "stopped", "failed", "interrupted")


def while_live(draw: Callable[[], None]) -> None:
    """Draw, and draw again each `PERIOD` while any run is live. After that, the browser sends no more requests."""
    runs = runs_folder()
    is_live = bool(jobs.live(runs))

    def update() -> None:
        widgets.show_problem()
        with widgets.guarded():
            jobs.advance(runs)
        if bool(jobs.live(runs)) != is_live:
            st.rerun()
        draw()

    fragment(update, run_every=PERIOD if is_live else None)


def shown_run(names: Sequence[str]) -> str | None:
    """Return the name of the chosen run, or of the newest. Later runs do not change it: buttons act on it."""
    candidates = (RUN.text, state.recall("run shown"), *names[:1])
    name = next((name for name in candidates if name in names), None)
    state.remember("run shown", name)
    return name


def warn_of_unknown_run(names: Sequence[str]) -> None:
    """Say so if the chosen run is not among these names."""
    name = RUN.text
    if name is not None and name not in names:
        st.warning(f"There is no run called “{widgets.plain(name)}” here.", icon=":material/search_off:")


def draw_buttons(run: Run, status: Status) -> None:
    """Draw Pause, Resume and Stop. A button that has no effect now is disabled, so the others keep their places."""
    closed = why_closed(run.folder)

    def button(label: str, icon: str, act: Callable[[Run], None], possible: bool, help: str) -> None:
        action: dict[str, Any] = {"on_click": widgets.attempt, "args": (act, run)}
        action |= {"disabled": bool(closed) or not possible, "help": closed or help}
        st.button(label, icon=f":material/{icon}:", key=f"train:{label}:{run.name}", **action)

    name = status.state
    button("Pause", "pause", jobs.pause, name == "running", "Waits after the current step. The run keeps its slot.")
    button("Resume", "play_arrow", jobs.resume, name in RESUMABLE, "Continues from the last saved step.")
    help = "Saves the state and ends the process. You can resume it later."
    button("Stop", "stop", jobs.stop, name in jobs.LIVE, help)


def draw_group_buttons(runs: Sequence[Run], key: str) -> None:
    """Draw Stop and Resume for several runs together. key: the first part of the buttons' keys."""
    if is_read_only():
        return
    states = {run.name: run.status.state for run in runs}

    def button(label: str, icon: str, act: Callable[[Run], None], wanted: Sequence[str], help: str = "") -> None:
        chosen = [run for run in runs if states[run.name] in wanted]
        action: dict[str, Any] = {"on_click": _act_on_each, "args": (act, chosen), "disabled": not chosen}
        shown = label if len(runs) < 2 else f"{label} all"
        st.button(shown, icon=f":material/{icon}:", help=help or None, key=f"{key}:{label}", **action)

    button("Stop", "stop", jobs.stop, jobs.LIVE, "Saves the state. You can resume it later.")
    button("Resume", "play_arrow", jobs.resume, RESUMABLE)


def _act_on_each(act: Callable[[Run], None], runs: Sequence[Run]) -> None:
    for run in runs:
        if not widgets.attempt(act, run):
            return  # the others would fail for the same reason


def link_to(page: str, title: str, icon: str, run: Run) -> None:
    """Draw a link that opens this run on another page. All pages except Train need its first snapshot."""
    disabled = page != "train.py" and not run.steps
    link = parameters({MODEL: ref_of(run), RUN: run.name})
    st.page_link(PAGES / page, label=f"Open in {title}", icon=icon, query_params=link, disabled=disabled)


def link_to_lenses(run: Run) -> None:
    """Draw links to the pages that can open this kind of model."""
    objective = run.objective
    if objective.translates:
        widgets.look_into_translator(ref_of(run), disabled=not run.steps)
    elif objective.continues_prompt:
        link_to("attention.py", "Attention", ":material/grid_on:", run)
        link_to("timetravel.py", "Time travel", ":material/history:", run)


def draw_progress(run: Run, status: Status, *title: str) -> None:
    """Draw one bar with the state and the main numbers, and why the run ended. title: Markdown before them."""
    steps = run.recipe.steps
    st.progress(min(status.step, steps) / steps, text=" · ".join([*title, *_progress_words(run, status)]))
    show_reason(status, st.error if status.state == "failed" else st.info)


def show_reason(status: Status, show: Callable[[str], object]) -> None:
    """Show why a run ended, if it has ended and there is a reason."""
    if status.why and status.state not in jobs.LIVE:
        show(widgets.plain(status.why[:1].upper() + status.why[1:], longest=1000) + widgets.plain("."))


def _progress_words(run: Run, status: Status) -> list[str]:
    """Return the state in words, and the numbers that go with it."""
    numbers = logged(run.folder)
    words = [f"**{STATE_NAMES[status.state]}**", f"step {status.step:,} of {run.recipe.steps:,}"]
    if status.state == "queued":
        starts = f"**{starting_words(run)}**"
        words[0] = starts if jobs.is_starting(run) else f"**Waiting for its turn** ({_queue_words(run)})"
    if run.stop_request.exists():
        words[0] += ", stops after this step"
    names = ("tokens_per_s", "elapsed", "val_loss", "exact", "reward")
    speeds, seconds, losses, exact, rewards = (numbers.series(name)[1] for name in names)
    left = seconds_left(numbers, run.recipe.steps)
    if status.state == "running" and left is not None and len(speeds):
        words += [f"{clock(left)} left", f"{np.median(speeds[-RECENT:]):,.0f} tokens/s"]
    elif len(seconds):
        words.append(f"{clock(seconds[-1])} of training")
    if len(losses):
        words.append(f"validation loss {losses[-1]:.3f}")
    if len(exact):
        words.append(f"{exact[-1]:.1%} translated exactly")
    if len(rewards):
        words.append(f"reward {rewards[-1]:+.2f}")
    return words


def _queue_words(run: Run) -> str:
    busy = [other.name for other in jobs.live(run.folder.parent) if other.name != run.name and other.is_held]
    if not busy:
        return "it starts within a second"
    return f"{jobs.slots()} can train at the same time here; now: {', '.join(map(widgets.plain, busy))}"


def seconds_left(numbers: Logged, steps: int) -> float | None:
    """Return how long the remaining steps take at the recent speed, with evaluations; None while it is unknown."""
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
