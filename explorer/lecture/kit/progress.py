"""The way through the course: the page before and after, and the pages that the person has marked as done."""

from pathlib import Path

import streamlit as st

from explorer.lecture.kit.classroom import is_page_closed
from explorer.lecture.kit.verdicts import Verdicts
from explorer.navigation import COURSE, ENTRIES, PAGES, Entry

DONE = "done"
PROGRESS = Verdicts("progress", [Path(entry.file).stem for entry in ENTRIES if entry.section in COURSE], (DONE,))


def is_done(file: str) -> bool:
    """Return whether the person has marked this page as done. file: of the page."""
    return Path(file).stem in PROGRESS.read()


def open_pages() -> list[Entry]:
    """Return the pages of the course that are not hidden from this person, in their order."""
    return [entry for entry in ENTRIES if entry.section in COURSE and not is_page_closed(entry.file)]


def next_open() -> Entry | None:
    """Return the first page that is not done; None where all are."""
    return next((entry for entry in open_pages() if not is_done(entry.file)), None)


def draw_way(here: Entry) -> None:
    """Draw links to the page before and the page after, and the box that marks this page as done."""
    pages = open_pages()
    at = pages.index(here)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="way"):
        if at > 0:
            _draw_link(pages[at - 1], "arrow_back")
        name = Path(here.file).stem
        marked = st.checkbox("Done", is_done(here.file), key=f"done:{name}", help="Marks this page in the overview.")
        PROGRESS.set(name, DONE if marked else None)
        if at + 1 < len(pages):
            _draw_link(pages[at + 1], "arrow_forward")
    PROGRESS.keep()


def draw_progress() -> None:
    """Say how many pages are done, and link to the next one."""
    pages, following = open_pages(), next_open()
    done = sum(is_done(entry.file) for entry in pages)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{done} of {len(pages)} pages done.", width="content")
        if following:
            label = f"Go on with {following.title}" if done else f"Start with {following.title}"
            st.page_link(PAGES / following.file, label=label, icon=":material/arrow_forward:")


def _draw_link(entry: Entry, icon: str) -> None:
    position = "right" if icon == "arrow_forward" else "left"
    st.page_link(PAGES / entry.file, label=entry.title, icon=f":material/{icon}:", icon_position=position)
