"""An exercise below its chapter: the question, the answer, a hint, and a verdict."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.lecture.exercises.exercise import Exercise, Number
from explorer.lecture.exercises.record import RECORD, SOLVED
from explorer.lecture.exercises.registry import of_chapter
from explorer.lecture.kit.chapters import find_chapter
from explorer.lecture.kit.classroom import hidden, note_hidden
from explorer.lecture.kit.exercise import ask_number, ask_option
from explorer.shared.fragment import fragment

SOLVED_BADGE = ":green-badge[:material/check_circle: Solved]"


def draw_exercises(page: str, places: Mapping[str, DeltaGenerator]) -> None:
    """Draw the exercises of a page's chapters, unless they are hidden. page: its file; places: chapter id → place."""
    if hidden("exercises"):
        return
    for id, place in places.items():
        chapter = find_chapter(id)
        if chapter and chapter.page == page:
            for exercise in of_chapter(id):
                if not exercise.on_page:
                    with place:
                        fragment(_draw_exercise, exercise)


def _draw_exercise(exercise: Exercise) -> None:
    ask, name = exercise.ask, f"exercise:{exercise.name}"
    with st.container(border=True, key=name):
        note_hidden("exercises")
        heading = st.empty()
        look: dict[str, Any] = {"label_visibility": "collapsed", "record": exercise.name}
        look |= {"hint": exercise.hint, "why": exercise.why}
        if isinstance(ask, Number):
            look |= {"format": f"%.{ask.digits}f", "step": 10.0**-ask.digits} if ask.digits else {"step": 1}
            ask_number(name, exercise.question, ask.answer, within=ask.within, **look)
        else:
            ask_option(name, exercise.question, ask.options, ask.right, **look)
        badge = f" {SOLVED_BADGE}" if RECORD.read().get(exercise.name) == SOLVED else ""
        heading.markdown(f"**Exercise**{badge} · {exercise.question}")
