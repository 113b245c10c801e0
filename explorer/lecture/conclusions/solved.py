"""The exercises that the person has solved, act by act, with links to those that are open."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.lecture.exercises.drawing import SOLVED_BADGE
from explorer.lecture.exercises.record import RECORD, SHOWN, SOLVED
from explorer.lecture.exercises.registry import EXERCISES, of_act, of_chapter
from explorer.lecture.kit.acts import ACTS
from explorer.lecture.kit.chapters import Chapter
from explorer.lecture.kit.classroom import hidden
from explorer.lecture.kit.controls import chapter
from explorer.lecture.kit.sections import link_to_chapter

OPEN = ":gray-badge[open]"
BADGES = {SOLVED: SOLVED_BADGE, SHOWN: ":gray-badge[:material/visibility: Answer shown]"}


def own_exercises() -> None:
    """Draw which exercises are solved, unless exercises are hidden."""
    if not hidden("exercises"):
        _draw_solved()


@chapter("Your exercises", "conclusions", "Which exercise is open? Its link leads to the page.")
def _draw_solved() -> None:
    """How many exercises of each act are solved, and a link to each."""
    verdicts = RECORD.read()
    solved = list(verdicts.values()).count(SOLVED)
    st.markdown(f"**Exercises solved: {solved} of {len(EXERCISES)}**")
    for act in ACTS:
        exercises = of_act(act)
        done = sum(verdicts.get(exercise.name) == SOLVED for exercise in exercises)
        with st.expander(f"{act.name} · {done} of {len(exercises)}"):
            for each in act.chapters:
                _draw_row(each, verdicts)
    st.caption(
        "An exercise is solved if you found the answer before you saw it. This browser keeps this in a cookie for a "
        "year."
    )
    action: dict[str, Any] = {"disabled": not verdicts, "on_click": RECORD.clear}
    st.button("Delete my results", icon=":material/delete:", **action)


def _draw_row(row: Chapter, verdicts: Mapping[str, str]) -> None:
    """A link to a chapter, and the verdict of each of its exercises."""
    with st.container(horizontal=True, vertical_alignment="center"):
        link_to_chapter(row.id)
        st.markdown(" ".join(BADGES.get(verdicts.get(exercise.name, ""), OPEN) for exercise in of_chapter(row.id)))
