"""What the chapters share: sections, steps, a guess before a number, matrices, and the code that ran."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import streamlit as st
import torch

from explorer import state
from explorer.choice import Choice, choose
from explorer.figures.matrix import number_grid
from explorer.lecture.exercises.places import reserve_place
from explorer.lecture.kit import edits
from explorer.lecture.kit.cells import shown_cell
from explorer.lecture.kit.chapters import find_chapter
from explorer.lecture.kit.classroom import hidden, note_hidden
from explorer.lecture.kit.sections import take_anchor
from explorer.lecture.kit.video import offer_video
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.fragment import fragment
from explorer.shared.source import code_of

P = ParamSpec("P")
T = TypeVar("T")
RUNG = Choice("rung", label="Rung")
WALK = Choice("walk", int, 0, default=0, label="Step")
PACE = 0.7  # seconds a step while playing
REPEATS = 20  # measurements of a time


def chapter(
    title: str, mark: str, task: str = "", question: str = ""
) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """Make a function draw a section of a page: the title, the task with a link to the lecture, and then what it draws.

    Where a class's link hides the chapter, the section draws nothing and returns None. An error is shown, and the page
    goes on. The chapter's exercises are below its last section. mark: the chapter's id, or its time in the lecture.
    task: what the person does, in Markdown; without one the section is a part of the chapter above. question: what the
    person guesses first; hidden with the guesses.
    """
    here = find_chapter(mark)
    lecture = f"Lecture {widgets.lecture_link(here.time)}." if here and here.time else ""

    def decorate(draw: Callable[P, T]) -> Callable[P, T | None]:
        @wraps(draw)
        def section(*args: P.args, **kwargs: P.kwargs) -> T | None:
            if hidden(mark):
                return None
            anchor = take_anchor(here) if task else False
            if task:
                st.subheader(title, anchor=anchor)
            asked = "" if hidden("guess") else question
            text = " ".join(filter(None, (task or f"**{title}** ·", asked, lecture)))
            if here and here.time and anchor:
                offer_video(here.id, here.time, text)
            else:
                st.markdown(text)
            note_hidden(mark)
            drawn = None
            with widgets.guarded():
                drawn = draw(*args, **kwargs)
            if here:
                reserve_place(here)
            return drawn

        return section

    return decorate


def unroll(name: str, last: int, draw: Callable[[int], None], walk: Choice = WALK) -> None:
    """Let the person walk the steps up to `last` with buttons, arrow keys or play; `draw(step)` draws each.

    The link holds the step. A page has one walk; name: of this walk. walk: the choice of the step, from its lowest
    value.
    """
    playing = state.recall(f"{name}:playing", False)
    fragment(_unrolled, name, last, draw, walk, run_every=PACE if playing else None)


def _unrolled(name: str, last: int, draw: Callable[[int], None], walk: Choice) -> None:
    playing = state.recall(f"{name}:playing", False)
    first, at = int(walk.low or 0), walk.read(high=last)
    if playing and state.recall(f"{name}:shown") == at:
        at = min(at + 1, last)
        choose({walk: at})
    state.remember(f"{name}:shown", at)

    def button(label: str, icon: str, possible: bool, steps: int, shortcut: str) -> None:
        action: dict[str, Any] = {"disabled": not possible, "on_click": _walk, "args": (name, last, walk, steps)}
        st.button(label, icon=f":material/{icon}:", key=f"{name}:{label}", shortcut=shortcut, **action)

    with st.container(horizontal=True, vertical_alignment="center"):
        button("First", "first_page", at > first, -last, "Home")
        button("Back", "chevron_left", at > first, -1, "Left")
        label, icon = ("Pause", "pause") if playing else ("Play", "play_arrow")
        if st.button(label, icon=f":material/{icon}:", key=f"{name}:play", disabled=at == last and not playing):
            state.remember(f"{name}:playing", not playing)
            st.rerun()
        button("Next", "chevron_right", at < last, 1, "Right")
        button("Last", "last_page", at < last, last, "End")
        st.markdown(f"{walk.label.lower()} {at} of {last}")
    draw(at)
    if playing and at == last:
        state.remember(f"{name}:playing", False)
        st.rerun()


def _walk(name: str, last: int, walk: Choice, steps: int) -> None:
    """Go on from the last step: a second key may come before the buttons of the first one's step are drawn."""
    state.remember(f"{name}:playing", False)
    at = min(max(state.recall(f"{name}:shown") + steps, int(walk.low or 0)), last)
    state.remember(f"{name}:shown", at)
    choose({walk: at})


def metrics(values: Mapping[str, str]) -> None:
    """Draw numbers with their names in one row, in several where it is narrow. values: name → number."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in values.items():
            st.metric(name, value, width="content")


def pick(choice: Choice, **here: Any) -> Any:
    """Let the person choose one of a few options, side by side. here: see `Choice.read`."""
    shown = choice.read(**here)
    options = list(here.get("options") or choice.options or ())
    st.segmented_control(options=options, required=True, **choice.bound(shown))
    return shown


def draw_matrix(title: str, values: torch.Tensor, key: str, **options: Any) -> None:
    """Draw a matrix below its title. values: (R, C); options: of `number_grid`."""
    st.markdown(f"**{title}**")
    chart(number_grid(values.numpy(), **options), key=key, alt=title)


def draw_table(rows: Sequence[Mapping[str, Any]], digits: int, key: str) -> None:
    """Draw a table. rows: column → value; digits: after the point of each float."""
    numbers = st.column_config.NumberColumn(format=f"%.{digits}f")
    formats = {name: numbers for name, value in rows[0].items() if isinstance(value, float)}
    st.dataframe(rows, hide_index=True, column_config=formats, key=key)


def editable(values: torch.Tensor, name: str) -> torch.Tensor:
    """Draw a matrix that the person can edit and reset. Return it; an empty cell is 0. The link holds the edits.

    name: of this matrix and its first values.
    """
    first = values.numpy()
    key = f"{name}:{state.recall('visits', 0)}:{state.recall(f'{name}:version', 0)}"
    start = state.recall(key)  # the editor's input must not change while the person edits
    if start is None:
        start = edits.applied(name, first)
        state.remember(key, start)
    digits = {str(column): st.column_config.NumberColumn(format="%.3g") for column in range(first.shape[1])}
    look: dict[str, Any] = {"hide_index": True, "num_rows": "fixed", "column_config": digits}
    edited = st.data_editor(start, key=key, alt="An editable matrix", **look)
    edited = np.nan_to_num(np.asarray(edited, dtype=np.float32))
    edits.keep(name, first, edited)
    if st.button("Reset", icon=":material/restart_alt:", key=f"{name}:reset"):
        edits.keep(name, first, first)
        state.remember(f"{name}:version", state.recall(f"{name}:version", 0) + 1)
        st.rerun()
    return torch.from_numpy(edited)


def seconds(*functions: Callable[[], Any]) -> list[float]:
    """The shortest of `REPEATS` times of each function, on one thread.

    The functions take turns, so a busy machine slows all of them.
    """
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


def show_cell(place: str, *real: Callable | str, title: str = "Show the code") -> None:
    """Show a cell of the lecture's code, and how the real module does it, in an expander.

    place: page and name of the cell, "bigram/train". real: the functions that have just run, or lines of source.
    """
    if hidden("code"):
        return
    note_hidden("code")
    with st.expander(title, icon=":material/code:"):
        if not real:
            _draw_source([shown_cell(place)])
            return
        lecture, module = st.tabs(["The lecture's way", "The real module"])
        with lecture:
            _draw_source([shown_cell(place)])
        with module:
            _draw_source(real)


def _draw_source(code: Sequence[Callable | str]) -> None:
    pieces = (piece if isinstance(piece, str) else code_of(piece) for piece in code)
    st.code("\n\n\n".join(pieces), language="python", wrap_lines=True)
