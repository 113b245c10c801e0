"""Speaker notes: every chapter has some, short and of the same form, and a key opens them."""

import re

import pytest

from explorer.lecture.kit.chapters import CHAPTERS
from explorer.lecture.kit.speaker import FOLDER, KEY, read_notes
from explorer.navigation import COURSE, ENTRIES

FEWEST, MOST = 3, 6  # notes of a chapter
LONGEST = 160  # characters of a note
WORDS = 20  # of a sentence
NOTE = re.compile(r"- (Say|Ask|Press|Often wrong): .*[.?]")
TAUGHT = [chapter for chapter in CHAPTERS if chapter.page]


@pytest.mark.parametrize("chapter", TAUGHT, ids=lambda chapter: chapter.id)
def test_a_chapter_has_a_few_short_notes(chapter):
    notes = read_notes()[chapter.id].splitlines()
    assert FEWEST <= len(notes) <= MOST
    for note in notes:
        assert NOTE.fullmatch(note) and len(note) <= LONGEST, note
        assert all(len(sentence.split()) <= WORDS for sentence in re.split(r"[.?:] ", note)), note
    assert any(note.startswith(("- Ask", "- Press")) for note in notes)


def test_every_page_of_the_course_has_a_file_of_notes_and_no_note_is_left_over():
    pages = {entry.file.removesuffix(".py") for entry in ENTRIES if entry.section in COURSE}
    assert {file.stem for file in FOLDER.glob("*.md")} == pages
    assert read_notes().keys() == {chapter.id for chapter in TAUGHT}


def notes_button(app):
    return app.button(key="speaker:toggle")


def test_the_notes_open_and_close_and_follow_to_the_next_page(open_app):
    app = open_app().switch_page("../pages/bpe.py").run()
    assert notes_button(app).proto.shortcut == KEY.lower()
    assert not any("Join the most frequent pair" in found.value for found in app.markdown)
    notes_button(app).click().run()
    assert app.query_params["notes"] == "1"
    assert any("Join the most frequent pair" in found.value for found in app.markdown)
    app = app.switch_page("../pages/averaging.py").run()
    shown = [found.value for found in app.markdown if ":primary[Say]" in found.value]
    assert len(shown) == sum(chapter.page == "averaging.py" for chapter in CHAPTERS)
    notes_button(app).click().run()
    assert "notes" not in app.query_params and not any(":primary[Say]" in found.value for found in app.markdown)


def test_no_page_outside_the_course_has_notes(open_app):
    app = open_app(notes="1").switch_page("../pages/tokens.py").run()
    assert not app.exception and not any(button.key == "speaker:toggle" for button in app.button)
