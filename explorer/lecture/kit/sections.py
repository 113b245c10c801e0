"""The sections of a page: each chapter begins at an anchor with its id, and links lead there."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

import streamlit as st

from explorer import state
from explorer.components.section_link import section_link
from explorer.lecture.kit.chapters import CHAPTERS, Chapter, find_chapter
from explorer.navigation import COURSE, PAGES, Entry

_taken: ContextVar[set[str] | None] = ContextVar("anchors that this page cannot use, or has used", default=None)


@contextmanager
def anchoring(page: str) -> Iterator[None]:
    """Let the first section of each chapter of a page have the chapter's anchor. page: its file."""
    token = _taken.set({chapter.id for chapter in CHAPTERS if chapter.page != page})
    try:
        yield
    finally:
        _taken.reset(token)


def take_anchor(chapter: Chapter | None) -> str | Literal[False]:
    """Return the anchor of the section that is drawn now; False where it has none."""
    taken = _taken.get()
    if chapter is None or taken is None or chapter.id in taken:
        return False
    taken.add(chapter.id)
    return chapter.id


def follow_link(entry: Entry) -> None:
    """Scroll to the section that the link asks for, on a page of the course."""
    if entry.section in COURSE:
        section_link(*state.asked_section())


def link_to_chapter(mark: str, label: str = "", **look: Any) -> None:
    """Draw a link to the section of a chapter. mark: its id or its time; look: of `st.page_link`.

    Raises ValueError if there is no such chapter, or if it has no page.
    """
    chapter = find_chapter(mark)
    if chapter is None or chapter.page is None:
        raise ValueError(f"no page has a chapter {mark!r}")
    begins_page = next(each.id for each in CHAPTERS if each.page == chapter.page) == chapter.id
    link = None if begins_page else {state.SECTION: chapter.id}
    st.page_link(PAGES / chapter.page, label=label or chapter.title, query_params=link, **look)
