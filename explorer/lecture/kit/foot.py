"""What is below each page of the lecture: the way on, the notebook of its code, sheets, and the menu for a class."""

from pathlib import Path
from typing import Any

import streamlit as st

from explorer.lecture.kit import classroom
from explorer.lecture.kit.cells import has_cells, notebook
from explorer.lecture.kit.chapters import CHAPTERS
from explorer.lecture.kit.guesses import SCORE
from explorer.lecture.kit.progress import draw_way
from explorer.navigation import COURSE, Entry


def draw_foot(entry: Entry) -> None:
    """Draw what is below each page of the lecture: the notebook of its code, sheets, and the menu for a class."""
    from explorer.lecture.exercises.printing import offer_sheets  # these import torch
    from explorer.lecture.exercises.record import RECORD

    draw_way(entry)
    with st.container(horizontal=True):
        if not classroom.hidden("code") and has_cells(Path(entry.file).stem):
            _offer_notebook(entry)
        offer_sheets(entry.file)
        draw_class_menu(entry)
    SCORE.keep()
    RECORD.keep()


def draw_class_menu(entry: Entry) -> None:
    """Draw the menu For a class on a page of the course, unless it is hidden."""
    if entry.section in COURSE and not classroom.hidden("menu"):
        classroom.for_a_class(entry.file)


def _offer_notebook(entry: Entry) -> None:
    times = [chapter.time for chapter in CHAPTERS if chapter.page == entry.file and chapter.time]
    name = f"{Path(entry.file).stem}.ipynb"
    look: dict[str, Any] = {"icon": ":material/download:", "type": "tertiary", "on_click": "ignore"}
    help = "All code of this page, to run and change in Jupyter. It needs torch."
    data = notebook(entry, times)
    st.download_button("Notebook of this chapter", data, name, "application/x-ipynb+json", help=help, **look)
