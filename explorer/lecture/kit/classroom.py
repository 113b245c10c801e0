"""The lecture before a class: what a link or the teacher hides, and the menu that makes such a link."""

from collections.abc import Collection, Sequence

import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.lecture.kit.chapters import CHAPTERS
from explorer.lecture.kit.closing import is_of_several, open_up_to, pick_open, with_id, words_that_hide
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
BEFORE = "hidden before"  # the last change of the link's words


def hidden(part: str) -> bool:
    """Return whether the link or the teacher hides this: a part of every page (`PARTS`), or a chapter by id or time."""
    words = words_that_hide(part)
    return not words.isdisjoint(_hidden_parts()) or hiding.is_hidden(*words)


def note_hidden(part: str) -> None:
    """Draw a note for the teacher where students do not see this part."""
    if hiding.is_marked(*words_that_hide(part)):
        st.markdown(":orange-badge[:material/visibility_off: Hidden for students]")


def words_of_address() -> list[str]:
    """Return what the link hides, before it is known which page runs."""
    return [with_id(word) for word in (state.peek_choice(HIDE.name) or "").split(",") if word]


def is_page_closed(file: str, words: Collection[str] | None = None) -> bool:
    """Return whether a page is hidden from this person: the page itself, or each of its chapters.

    file: of the page. words: that the link hides; those of the person's choice unless they are given.
    """
    words = _hidden_parts() if words is None else words
    hiders = [words_that_hide(chapter.id) for chapter in CHAPTERS if chapter.page == file]
    is_closed = [not each.isdisjoint(words) or hiding.is_hidden(*each) for each in hiders]
    return hiding.is_hidden(hiding.word_of_page(file)) or (bool(is_closed) and all(is_closed))


def is_page_marked(file: str) -> bool:
    """Return whether students do not see this page, and the teacher of this session does. file: of the page."""
    hiders = [words_that_hide(chapter.id) for chapter in CHAPTERS if chapter.page == file]
    is_closed = bool(hiders) and all(hiding.is_marked(*each) for each in hiders)
    return hiding.is_marked(hiding.word_of_page(file)) or is_closed


def what_can_be_hidden() -> dict[str, str]:
    """Return what a teacher can hide for everybody besides acts: the word → its name."""
    chapters = {chapter.id: f"Chapter: {chapter.title}" for chapter in CHAPTERS if chapter.page}
    pages = [entry for entry in ENTRIES if entry.file not in SHOWN_TO_ALL]
    names = {hiding.word_of_page(entry.file): f"Page: {entry.title}" for entry in pages}
    return PARTS | {"menu": "the menu For a class"} | names | chapters


def for_a_class(page: str) -> None:
    """Draw the menu that makes a class's link: acts, chapters and parts, hidden on every page. page: its file."""
    words = _hidden_parts()
    names = PARTS | {
        chapter.id: f"{chapter.time or ''} {chapter.title}".strip()
        for chapter in CHAPTERS
        if chapter.page == page or chapter.id in words
    }
    here = [chapter.id for chapter in CHAPTERS if chapter.page == page]
    with st.popover("For a class", icon=":material/co_present:", type="tertiary"):
        note_hidden("menu")
        st.markdown("Choose what a class should not see yet. Anyone with the link below sees the course that way.")
        up_to_here = open_up_to(words, here[-1])
        st.button("Open everything up to this page", icon=":material/lock_open:", on_click=_hide, args=(up_to_here,))
        pick_open(words, "class", _hide)
        shown = [name for name in names if name in words]
        others = [word for word in words if is_of_several(word)]
        tied = state.tie_action("class:parts", shown, lambda picked: _hide(others + picked))
        st.pills("Hide", list(names), selection_mode="multi", format_func=names.__getitem__, **tied)
        st.code(state.link(), language=None, wrap_lines=True)
        with st.container(horizontal=True):
            before = state.recall(BEFORE)
            look = {"icon": ":material/undo:", "key": "class:undo", "disabled": before is None}
            st.button("Undo", on_click=_hide, args=(before or (),), **look)
            action = {"disabled": not words, "on_click": _hide, "args": ((),)}
            st.button("Show everything", icon=":material/visibility:", **action)


def _hide(words: Sequence[str]) -> None:
    """Make the link hide this, and remember what it hid before."""
    state.remember(BEFORE, _hidden_parts())
    choose({HIDE: list(words) or None})


def _hidden_parts() -> list[str]:
    """What the link hides."""
    return [with_id(word) for word in HIDE.read() or ()]
