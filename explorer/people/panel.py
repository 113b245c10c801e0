"""The menu of a shared server: the person's name, the teacher's code, and the limits that a teacher sets."""

from collections.abc import Callable
from dataclasses import fields

import streamlit as st

from explorer.people.identity import HOST, LONGEST_NAME, Person, become_teacher, current, leave, set_name, teacher_code
from explorer.people.limits import MOST, Limits, read_limits, write_limits
from explorer.shared.words import plain

ABOUT = {
    "visitor": "You can look and type. With a name you can also train, and your runs are yours.",
    "student": "Your runs are yours: only you and the teacher can change them.",
    "teacher": "You can change every run, open models, and set the limits.",
}


def draw_person() -> None:
    """Draw the menu on a server that other machines reach."""
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


def _draw_teacher(person: Person) -> None:
    limits = read_limits()
    with st.form("people:limits", border=False):
        values = {
            each.name: st.number_input(
                f"{each.metadata['label']}, {each.metadata['unit']}", 1, MOST, getattr(limits, each.name)
            )
            for each in fields(Limits)
        }
        if st.form_submit_button("Save limits"):
            _act(lambda: write_limits(Limits(**values)))
    if st.button("Leave the teacher's role", type="tertiary", icon=":material/logout:"):
        _act(lambda: leave(person))


def _act(change: Callable[[], None]) -> None:
    """Change something of the person, and draw the page again; or say why it cannot be changed."""
    try:
        change()
    except ValueError as error:
        _show(error)
    else:
        st.rerun()


def _show(error: ValueError) -> None:
    st.error(plain(str(error), longest=300), icon=":material/error:")
