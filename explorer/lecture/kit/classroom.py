"""The lecture before a class: what a link hides, and the menu that makes such a link."""

import streamlit as st

from explorer import state
from explorer.lecture.kit.chapters import CHAPTERS

PARTS = {
    "guess": "guesses before numbers",
    "code": "the code",
    "training": "buttons that train",
    "menu": "this menu, in the end",
}


def hidden(part: str) -> bool:
    """Whether the link that was opened hides this: a part of every page (`PARTS`), or a chapter, by its moment in the lecture."""
    return part in state.several("hide")


def for_a_class(page: str) -> None:
    """The menu of what this page can hide. page: its file. What is hidden stays hidden from page to page, as it stands in the link."""
    if hidden("menu"):
        return
    chosen = state.several("hide")
    names = PARTS | {
        chapter.time: f"{chapter.time} {chapter.title}"
        for chapter in CHAPTERS
        if chapter.page == page or chapter.time in chosen
    }
    with st.popover("For a class", icon=":material/co_present:", type="tertiary"):
        st.markdown("Choose what a class should not see, or not yet. Whoever opens the link below sees the lecture so.")
        shown = [name for name in names if name in chosen]
        st.pills("Hide", list(names), selection_mode="multi", format_func=names.get, **state.bound("hide", shown))
        st.code(state.link(), language=None, wrap_lines=True)
        st.button(
            "Show everything",
            icon=":material/visibility:",
            disabled=not chosen,
            on_click=state.choose,
            kwargs={"hide": None},
        )
