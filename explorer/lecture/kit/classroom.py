"""The lecture before a class: what a link or the teacher hides, and the menu that makes such a link."""

from typing import Any

import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.lecture.kit.chapters import CHAPTERS, find_chapter
from explorer.navigation import ENTRIES
from explorer.people import hiding

HIDE = Choice("hide", label="Hide", several=True)
PARTS = {
    "guess": "guesses before numbers",
    "exercises": "exercises",
    "answers": "answers to guesses and exercises",
    "code": "the code",
    "training": "buttons that train",
    "menu": "this menu",
}
SHOWN_TO_ALL = ("start.py", "wall.py")  # pages that a student needs to find the others


def hidden(part: str) -> bool:
    """Return whether the link or the teacher hides this: a part of every page (`PARTS`), or a chapter by id or time."""
    return _id(part) in _hidden_parts() or hiding.is_hidden(_id(part))


def note_hidden(part: str) -> None:
    """Draw a note for the teacher where students do not see this part."""
    if hiding.is_marked(_id(part)):
        st.markdown(":orange-badge[:material/visibility_off: Hidden for students]")


def what_can_be_hidden() -> dict[str, str]:
    """Return what a teacher can hide for everybody: the word → its name."""
    chapters = {chapter.id: f"Chapter: {chapter.title}" for chapter in CHAPTERS if chapter.page}
    pages = [entry for entry in ENTRIES if entry.file not in SHOWN_TO_ALL]
    names = {hiding.word_of_page(entry.file): f"Page: {entry.title}" for entry in pages}
    return PARTS | {"menu": "the menu For a class"} | names | chapters


def for_a_class(page: str) -> None:
    """Draw the menu of what this page can hide. It stays hidden on every page. page: its file."""
    chosen = _hidden_parts()
    names = PARTS | {
        chapter.id: f"{chapter.time or ''} {chapter.title}".strip()
        for chapter in CHAPTERS
        if chapter.page == page or chapter.id in chosen
    }
    with st.popover("For a class", icon=":material/co_present:", type="tertiary"):
        note_hidden("menu")
        st.markdown("Choose what a class should not see yet. Anyone with the link below sees the lecture that way.")
        shown = [name for name in names if name in chosen]
        st.pills(options=list(names), selection_mode="multi", format_func=names.__getitem__, **HIDE.bound(shown))
        st.code(state.link(), language=None, wrap_lines=True)
        action: dict[str, Any] = {"disabled": not chosen, "on_click": choose, "args": ({HIDE: None},)}
        st.button("Show everything", icon=":material/visibility:", **action)


def _hidden_parts() -> list[str]:
    """What the link hides. An old link names a chapter by its time."""
    return [_id(part) for part in HIDE.read() or ()]


def _id(part: str) -> str:
    chapter = find_chapter(part)
    return chapter.id if chapter else part
