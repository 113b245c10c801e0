"""The menu of a shared server: the person's name, the teacher's code, and what a teacher limits and hides."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import streamlit as st

from explorer import state
from explorer.lecture.kit.classroom import is_page_marked, what_can_be_hidden
from explorer.lecture.kit.closing import is_of_several, name_of, pick_open
from explorer.opened import await_gpt
from explorer.people.hiding import hidden_words, hide
from explorer.people.identity import HOST, LONGEST_NAME, Person, become_teacher, current, leave, set_name, teacher_code
from explorer.people.limits import MOST, Limits, read_limits
from explorer.people.rights import set_limits
from explorer.places import READ_ONLY, is_read_only
from explorer.shared.widgets import attempt, show_problem
from explorer.shared.words import plain

BEFORE = "hidden for students before"  # the last change
ABOUT = {
    "visitor": "You can look and type. With a name you can also train, and your runs are yours.",
    "student": "Your runs are yours: only you and the teacher can change them.",
    "teacher": "You can change every run, open models, hide parts for students, and set the limits.",
}


def draw_person() -> None:
    """Draw the menu on a server that other machines reach; the reason for no menu on a server that only shows."""
    if is_read_only():
        with st.popover("Read-only", icon=":material/visibility:"):
            st.markdown(READ_ONLY)
        return
    person = current()
    if person == HOST:
        return
    label = "Teacher" if person.is_teacher else person.name or "Your name"
    with st.popover(label, icon=":material/person:"):
        st.caption(ABOUT[person.role])
        _ask_name(person)
        if person.is_teacher:
            _draw_teacher(person)
        else:
            _ask_code(person)


def _ask_name(person: Person) -> None:
    with st.form("people:name", border=False):
        name = st.text_input("Name", person.name, max_chars=LONGEST_NAME, help="Everybody sees it beside your runs.")
        if st.form_submit_button("Save name"):
            _act(lambda: set_name(person, name))


def _ask_code(person: Person) -> None:
    """Ask for the teacher's code, where the server has one; say what is wrong with it, where it cannot be used."""
    try:
        if not teacher_code():
            return
    except ValueError as error:
        return _show(error)
    with st.form("people:code", border=False):
        code = st.text_input("Teacher's code", type="password", autocomplete="off")
        if st.form_submit_button("Become teacher"):
            _act(lambda: become_teacher(person, code))


def draw_hidden_note(file: str) -> None:
    """Draw, for the teacher, what students do not see, and a button that shows it again. file: of the page."""
    person, words = current(), hidden_words()
    if not words or not person.is_teacher:
        return
    names = what_can_be_hidden()
    shown = ", ".join(plain(names.get(word) or name_of(word) or word) for word in words)
    page = "**Students do not see this page.** " if is_page_marked(file) else ""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="hidden-note"):
        st.markdown(f":material/visibility_off: {page}Hidden for students: {shown}.")
        if st.button("Show everything to students", icon=":material/visibility:"):
            _act(lambda: hide(()))


def _pick_hidden() -> None:
    """Let the teacher pick what students do not see."""
    words, names = hidden_words(), what_can_be_hidden()
    st.markdown("**Hidden for students**")
    pick_open(words, "people", _hide)
    known = [word for word in words if word in names]
    others = [word for word in words if is_of_several(word)]
    look: dict[str, Any] = {"placeholder": "nothing", "help": "You see these parts with a note. Students do not."}
    look |= state.tie_action("people:hidden", known, lambda picked: _hide(others + picked))
    st.multiselect("Hidden for students", list(names), format_func=names.__getitem__, **look)
    before = state.recall(BEFORE)
    look = {"icon": ":material/undo:", "key": "people:undo", "disabled": before is None}
    st.button("Undo", on_click=_hide, args=(before or (),), **look)
    show_problem()


def _hide(words: Sequence[str]) -> None:
    """Hide this for students, and remember what was hidden before."""
    await_gpt()  # which writes the file
    before = hidden_words()
    if attempt(hide, words):
        state.remember(BEFORE, before)


def _draw_teacher(person: Person) -> None:
    _pick_hidden()
    limits = read_limits()
    with st.form("people:limits", border=False):
        values = {
            each.name: st.number_input(
                f"{each.metadata['label']}, {each.metadata['unit']}", 1, MOST, getattr(limits, each.name)
            )
            for each in fields(Limits)
        }
        if st.form_submit_button("Save limits"):
            _act(lambda: set_limits(Limits(**values)))
    if st.button("Leave the teacher's role", type="tertiary", icon=":material/logout:"):
        _act(lambda: leave(person))


def _act(change: Callable[[], None]) -> None:
    """Change something of the person, and draw the page again; or say why it cannot be changed."""
    await_gpt()  # which writes the files
    try:
        change()
    except ValueError as error:
        _show(error)
    else:
        st.rerun()


def _show(error: ValueError) -> None:
    st.error(plain(str(error), longest=300), icon=":material/error:")
