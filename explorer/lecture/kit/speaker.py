"""Speaker notes: what a teacher says, asks and presses at each chapter. Students never get them.

The notes are in `explorer/lecture/speaker_notes/`, a file for each page, a heading (`## bigram`) for each chapter.
"""

import re
from functools import cache
from pathlib import Path

import streamlit as st

from explorer.choice import Choice, choose
from explorer.lecture.kit.chapters import CHAPTERS
from explorer.navigation import COURSE, Entry
from explorer.people.identity import current

FOLDER = Path(__file__).parents[1] / "speaker_notes"
KEY = "N"
SHOWN = "1"
NOTES = Choice("notes", options=(SHOWN,), label="Speaker notes")


@cache
def read_notes() -> dict[str, str]:
    """Return the notes of every chapter: its id → a Markdown list."""
    files = (file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.md")))
    pieces = (re.split(r"^## (\S+)\n", text, flags=re.MULTILINE)[1:] for text in files)
    return {id: notes.strip() for each in pieces for id, notes in zip(each[::2], each[1::2], strict=True)}


def draw_notes(entry: Entry) -> None:
    """Draw a button for the notes of a page of the course, which a key presses too, and the notes if they are open."""
    if entry.section not in COURSE or not current().is_teacher:
        return
    is_open = NOTES.read() == SHOWN
    help = "What to say, to ask and to press. Only a teacher sees this button."
    st.button(
        "Notes", icon=":material/speaker_notes:", type="tertiary", key="speaker:toggle", shortcut=KEY, help=help,
        on_click=choose, args=({NOTES: None if is_open else SHOWN},),
    )  # fmt: skip
    if not is_open:
        return
    with st.container(key="speaker-notes", border=True, gap="small"):
        for chapter in CHAPTERS:
            if chapter.page == entry.file:
                st.markdown(f"**{chapter.title}**\n\n{_emphasise(read_notes().get(chapter.id, ''))}")
        st.caption(f"{KEY} closes the notes. With `?notes=1` in its address, a second screen opens a page with them.")


def _emphasise(notes: str) -> str:
    """The list with its first words in colour.

    >>> _emphasise("- Say: Hello.")
    '- :primary[Say] Hello.'
    """
    return re.sub(r"^- ([\w ]+):", r"- :primary[\1]", notes, flags=re.MULTILINE)
