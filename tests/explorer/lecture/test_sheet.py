"""The sheets to print: questions without answers for everybody, and answers for a teacher."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from explorer.lecture.exercises import printing
from explorer.lecture.exercises.exercise import Exercise, Number, Options
from explorer.lecture.exercises.registry import EXERCISES, of_act
from explorer.lecture.exercises.sheet import LINES, answer_in_words, sheet
from explorer.lecture.kit.acts import ACTS
from explorer.people.identity import Person

ODD = (
    Exercise("odd", "intro", "Is **1 < 2** in `a*b`?", "hint", "why <b>", Options(("<i>", "no"), lambda: ["<i>"])),
    Exercise("number", "cache", "How many?", "hint", "because", Number(lambda: -1234)),
)


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open += [tag] * (tag not in {"meta"})

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_questions_are_escaped_and_have_lines_and_no_answer():
    page = sheet(ODD)
    parsed = Page(page)
    assert not parsed.open and not {tag for tag, _ in parsed.tags} & {"script", "link", "img", "i"}
    assert not any(name.startswith("on") or name in ("src", "href") for _, attrs in parsed.tags for name in attrs)
    assert page.count('class="line"') == LINES * len(ODD) and "<strong>1 &lt; 2</strong>" in page
    assert "<code>a*b</code>" in page and "☐ &lt;i&gt;" in page and "@page { size: A4" in page
    assert "−1,234" not in page and "why" not in page and "because" not in page and "hint" not in page


def test_the_answers_are_computed_and_explained():
    page = sheet(ODD, with_answers=True)
    assert "<strong>&lt;i&gt;.</strong> why &lt;b&gt;" in page and "<strong>−1,234.</strong> because" in page
    assert 'class="line"' not in page and not Page(page).open


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_the_sheet_of_an_act_has_all_its_questions_in_order(act):
    exercises = of_act(act)
    text = re.sub(r"\s+", " ", unescape(Page(sheet(exercises)).text))
    found = [text.find(re.sub(r"[`*]", "", exercise.question)) for exercise in exercises]
    assert -1 not in found and found == sorted(found)


def test_every_answer_of_the_shipped_exercises_has_words():
    assert all(answer_in_words(exercise) for exercise in EXERCISES.values() if isinstance(exercise.ask, Options))


@pytest.mark.parametrize(
    ("is_teacher", "hide", "offered"),
    [
        (True, "", ["Questions", "Answers"]),
        (False, "", ["Questions"]),
        (True, "answers", ["Questions"]),
        (True, "exercises", []),
    ],
)
def test_only_a_teacher_gets_the_answers_and_nobody_where_they_are_hidden(
    open_app, monkeypatch, is_teacher, hide, offered
):
    monkeypatch.setattr(printing, "current", lambda: Person("", "somebody", is_teacher))
    app = open_app(hide=hide, sheet="2") if hide else open_app(sheet="2")
    app = app.switch_page("../pages/rotary.py").run()
    labels = [button.label for button in app.get("download_button")]
    assert not app.exception and [label for label in labels if label in ("Questions", "Answers")] == offered
