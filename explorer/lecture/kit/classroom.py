"""The lecture before a class: what a link hides, and the menu that makes such a link."""

from typing import Any

import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.lecture.kit.chapters import CHAPTERS, find_chapter

HIDE = Choice("hide", label="Hide", several=True)
PARTS = {"guess": "guesses before numbers", "code": "the code", "training": "buttons that train", "menu": "this menu"}


def hidden(part: str) -> bool:
    """Return whether the link hides this: a part of every page (`PARTS`), or a chapter, by its id or its time."""
    return _id(part) in _hidden_parts()


def for_a_class(page: str) -> None:
    """Draw the menu of what this page can hide. It stays hidden on every page. page: its file."""
    if hidden("menu"):
        return
    chosen = _hidden_parts()
    names = PARTS | {
        chapter.id: f"{chapter.time or ''} {chapter.title}".strip()
        for chapter in CHAPTERS
        if chapter.page == page or chapter.id in chosen
    }
    with st.popover("For a class", icon=":material/co_present:", type="tertiary"):
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
