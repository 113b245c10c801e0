"""The menu of the sheets to print: of an act or of all, and the answers for a teacher."""

from functools import partial
from typing import Any

import streamlit as st

from explorer.choice import Choice
from explorer.figures.export import file_name
from explorer.lecture.exercises.exercise import Exercise
from explorer.lecture.exercises.registry import of_act
from explorer.lecture.exercises.sheet import sheet
from explorer.lecture.kit.acts import ACTS, act_of
from explorer.lecture.kit.chapters import CHAPTERS, find_chapter
from explorer.lecture.kit.classroom import hidden, is_page_closed
from explorer.people.identity import current
from explorer.shared.fragment import fragment

ALL, FOR_CLASS = "all", "class"
ACT_NAMES = {str(act.number): act.name for act in ACTS} | {ALL: "All acts"}
AMOUNTS = {ALL: "all exercises", FOR_CLASS: "three of each act, for a class"}
ACT = Choice("sheet", options=tuple(ACT_NAMES), label="Sheet of")
AMOUNT = Choice("sheet-with", options=tuple(AMOUNTS), default=ALL, label="With")


def offer_sheets(page: str) -> None:
    """Draw the menu, unless exercises are hidden. page: its file; the sheet of its act is offered first."""
    if not hidden("exercises"):
        with st.popover("Exercises to print", icon=":material/print:", type="tertiary"):
            fragment(_draw_menu, page)


def _draw_menu(page: str) -> None:
    own = next(act_of(chapter).number for chapter in CHAPTERS if chapter.page == page)
    number, amount = ACT.read(default=str(own)), AMOUNT.read()
    st.selectbox(options=list(ACT_NAMES), format_func=ACT_NAMES.__getitem__, **ACT.bound(number))
    st.selectbox(options=list(AMOUNTS), format_func=AMOUNTS.__getitem__, **AMOUNT.bound(amount))
    exercises = [
        exercise
        for act in ACTS
        if number in (str(act.number), ALL)
        for exercise in of_act(act)
        if (exercise.for_class or amount == ALL) and not _is_hidden(exercise)
    ]
    name = ACT_NAMES[number]
    with st.container(horizontal=True):
        _offer("Questions", name, exercises, with_answers=False)
        if current().is_teacher and not hidden("answers"):
            _offer("Answers", name, exercises, with_answers=True)
    st.caption("One page in HTML. Open it in a browser and print it on A4 paper.")


def _offer(label: str, name: str, exercises: list[Exercise], *, with_answers: bool) -> None:
    make = partial(sheet, exercises, with_answers=with_answers)
    look: dict[str, Any] = {"icon": ":material/download:", "on_click": "ignore", "key": f"sheet:{label}"}
    file = file_name("exercises", name.split(":")[0], label if with_answers else None) + ".html"
    st.download_button(label, make, file, "text/html", **look)


def _is_hidden(exercise: Exercise) -> bool:
    chapter = find_chapter(exercise.chapter)
    return hidden(exercise.chapter) or bool(chapter and chapter.page and is_page_closed(chapter.page))
