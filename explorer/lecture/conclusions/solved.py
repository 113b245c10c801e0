"""The exercises that the person has solved, act by act, with links to those that are open."""

from typing import Any

import streamlit as st

from explorer.lecture.exercises.drawing import SOLVED_BADGE
from explorer.lecture.exercises.record import RECORD, SHOWN, SOLVED
from explorer.lecture.exercises.registry import EXERCISES, of_act
from explorer.lecture.kit.acts import ACTS
from explorer.lecture.kit.chapters import find_chapter
from explorer.lecture.kit.classroom import hidden
from explorer.lecture.kit.controls import chapter
from explorer.navigation import PAGES

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
            for exercise in exercises:
                here = find_chapter(exercise.chapter)
                with st.container(horizontal=True, vertical_alignment="center"):
                    if here and here.page:
                        st.page_link(PAGES / here.page, label=here.title)
                    st.markdown(BADGES.get(verdicts.get(exercise.name, ""), "open"))
    st.caption(
        "An exercise is solved if you found the answer before you saw it. This browser keeps this in a cookie for a "
        "year."
    )
    action: dict[str, Any] = {"disabled": not verdicts, "on_click": RECORD.clear}
    st.button("Delete my results", icon=":material/delete:", **action)
