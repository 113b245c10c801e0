"""What every page of the lecture uses: steps that can be walked and played, a guess before a number, the code that ran."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
import torch

from explorer import state
from explorer.choice import Choice
from explorer.lecture.kit import edits
from explorer.lecture.kit.classroom import hidden
from explorer.shared import widgets
from explorer.shared.fragment import fragment
from explorer.shared.source import code_of

WALK = Choice("walk", int, 0, default=0, label="Step")
PACE = 0.7  # seconds a step while playing
REPEATS = 20  # of what is timed


def chapter(title: str, time: str, task: str) -> bool:
    """Begin a section: its title with the lecture's moment, and the one thing to do. False where a class's link hides it."""
    if hidden(time):
        return False
    st.subheader(title, anchor=False)
    st.markdown(f"{task} Lecture {widgets.lecture_link(time)}.")
    return True


def part(title: str, time: str) -> bool:
    """Begin a further part of a chapter. False where a class's link hides it."""
    if hidden(time):
        return False
    st.markdown(f"**{title}** · lecture {widgets.lecture_link(time)}")
    return True


def unroll(name: str, last: int, draw: Callable[[int], None]) -> None:
    """Walk the steps 0 … last with ◀ ▶ and play, or the arrow keys; `draw(step)` draws each. The step is in the link.

    name: of the page's one such walk.
    """
    playing = state.recall(f"{name}:playing", False)
    fragment(_unrolled, name, last, draw, run_every=PACE if playing else None)


def _unrolled(name: str, last: int, draw: Callable[[int], None]) -> None:
    playing = state.recall(f"{name}:playing", False)
    at = WALK.read(high=last)
    if playing and state.recall(f"{name}:shown") == at:
        at = min(at + 1, last)
        state.choose(walk=at)
    state.remember(f"{name}:shown", at)
    with st.container(horizontal=True, vertical_alignment="center"):
        _button("First", "first_page", at > 0, name, 0, "Home")
        _button("Back", "chevron_left", at > 0, name, at - 1, "Left")
        label, icon = ("Pause", "pause") if playing else ("Play", "play_arrow")
        if st.button(label, icon=f":material/{icon}:", key=f"{name}:play", disabled=at == last and not playing):
            state.remember(f"{name}:playing", not playing)
            st.rerun()
        _button("Next", "chevron_right", at < last, name, at + 1, "Right")
        _button("Last", "last_page", at < last, name, last, "End")
        st.markdown(f"step {at} of {last}")
    draw(at)
    if playing and at == last:
        state.remember(f"{name}:playing", False)
        st.rerun()


def _button(label: str, icon: str, possible: bool, name: str, to: int, shortcut: str) -> None:
    def go() -> None:
        state.remember(f"{name}:playing", False)
        state.choose(walk=to)

    st.button(
        label, icon=f":material/{icon}:", key=f"{name}:{label}", disabled=not possible, on_click=go, shortcut=shortcut
    )


def guess(name: str, question: str, options: Sequence[str], *, ordered: bool = True) -> str | None:
    """Let the person guess before a number appears. Returns the guess, "" where they would rather see it, None until then.

    ordered: the options lie along a line, rather than side by side.
    """
    if hidden("guess"):
        return ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = {"key": f"{name}:guess", "persist_state": "session"}
        if ordered:
            chosen = st.select_slider(question, options, width=420, **key)
        else:
            chosen = st.pills(question, options, default=options[0], required=True, wrap=True, **key)
        if st.button("Guess", key=f"{name}:try", icon=":material/psychology_alt:"):
            state.remember(f"{name}:guessed", chosen)
        if st.button("Just show it", key=f"{name}:show", type="tertiary"):
            state.remember(f"{name}:guessed", "")
    return state.recall(f"{name}:guessed")


def after_guess(guessed: str) -> str:
    """How a caption begins that gives the answer."""
    return f"You guessed {guessed}. " if guessed else ""


def metrics(values: Mapping[str, str]) -> None:
    """Numbers with their names in one row, which breaks where it is narrow. values: name → number."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in values.items():
            st.metric(name, value, width="content")


def pick(choice: Choice, **here: Any) -> Any:
    """Let the person choose one of a few options, side by side. here: see `Choice.read`."""
    shown = choice.read(**here)
    options = list(here.get("options") or choice.options or ())
    st.segmented_control(options=options, required=True, **choice.bound(shown))
    return shown


def choose(label: str, options: Iterable[Any], first: Any, name: str) -> Any:
    """One of a few, side by side; the choice stands in the link. name: in `state.PARAMETERS`."""
    known = {str(option): option for option in options}
    shown = known.get(state.choice(name) or "", first)
    st.segmented_control(label, list(known.values()), required=True, **state.bound(name, shown))
    return shown


def editable(values: torch.Tensor, name: str) -> torch.Tensor:
    """A matrix that can be edited, and reset; what is left empty counts as 0. The edits stand in the link.

    name: of this matrix and its first values.
    """
    first = values.numpy()
    key = f"{name}:{state.recall('visits', 0)}:{state.recall(f'{name}:version', 0)}"
    start = state.recall(key)  # the editor's own input, which has to stay as it is while it is used
    if start is None:
        start = edits.applied(name, first)
        state.remember(key, start)
    digits = {str(column): st.column_config.NumberColumn(format="%.3g") for column in range(first.shape[1])}
    edited = st.data_editor(
        start, key=key, hide_index=True, num_rows="fixed", column_config=digits, alt="An editable matrix"
    )
    edited = np.nan_to_num(np.asarray(edited, dtype=np.float32))
    edits.keep(name, first, edited)
    if st.button("Reset", icon=":material/restart_alt:", key=f"{name}:reset"):
        edits.keep(name, first, first)
        state.remember(f"{name}:version", state.recall(f"{name}:version", 0) + 1)
        st.rerun()
    return torch.from_numpy(edited)


def seconds(*functions: Callable[[], Any]) -> list[float]:
    """How long each function takes on one thread, the shortest of `REPEATS`. They take turns, so that a busy machine slows all alike."""
    shortest, threads = [math.inf] * len(functions), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(REPEATS):
            for i, function in enumerate(functions):
                began = time.perf_counter()
                function()
                shortest[i] = min(shortest[i], time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return shortest


def show_code(*code: Callable | str) -> None:
    """The source of the functions that have just run, or lines of source, behind a fold."""
    if hidden("code"):
        return
    with st.expander("Show the code", icon=":material/code:"):
        pieces = (piece if isinstance(piece, str) else code_of(piece) for piece in code)
        st.code("\n\n\n".join(pieces), language="python", wrap_lines=True)
