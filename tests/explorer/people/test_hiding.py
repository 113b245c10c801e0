"""What a teacher hides: gone for students whatever their link says, there for the teacher with a note."""

import pytest

from explorer.lecture.kit.classroom import PARTS, SHOWN_TO_ALL, what_can_be_hidden
from explorer.navigation import ENTRIES
from explorer.people import hiding
from explorer.people.identity import Person
from explorer.people.limits import Limits
from explorer.people.rights import set_limits
from tests.explorer.elements import messages, widget
from tests.explorer.people.conftest import RIGHT

NOTE = "Hidden for students"
SHOW = "Show everything to students"


@pytest.fixture
def hide(runs, monkeypatch):
    """hide(words): as the teacher does."""

    def hide_as_teacher(*words: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("explorer.people.rights.current", lambda: Person("t" * 22, "", is_teacher=True))
            hiding.hide(words)

    return hide_as_teacher


def labels(app) -> list[str]:
    return [button.label for button in app.button]


def folds(app) -> list[str]:
    return [fold.label for fold in app.expander]


def test_the_teacher_hides_in_the_menu_and_shows_again_with_one_click(join):
    teacher, student = join("bigram", code=RIGHT), join("bigram", name="Anna")
    assert "Show the code" in folds(student) and "Guess" in labels(student)
    widget(teacher.multiselect, NOTE).set_value(["code", "guess"]).run()
    student.run()
    assert not student.exception and "Show the code" not in folds(student) and "Guess" not in labels(student)
    assert SHOW not in labels(student) and NOTE not in messages(student)
    teacher.run()
    assert "Show the code" in folds(teacher) and "Guess" in labels(teacher)
    assert "Hidden for students: the code, guesses before numbers." in messages(teacher) and not teacher.exception
    widget(teacher.button, SHOW).click().run()
    student.run()
    assert "Show the code" in folds(student) and "Guess" in labels(student) and not hiding.hidden_words()


def test_no_link_of_a_student_shows_what_is_hidden(join, hide):
    hide("answers", "layernorm")
    app = join("bigram", name="Anna", hide="guess")
    assert "Guess" not in labels(app) and not app.metric, "without a guess there is no answer either"
    app = join("bigram", name="Anna")
    assert "Just show it" not in labels(app)
    app = app.number_input(key="bigram:loss:guess").set_value(4).run()
    app = widget(app.button, "Guess").click().run()
    assert not app.metric and "The teacher shows the answer later" in messages(app)
    assert not any("orm and" in title.value for title in join("norms", hide="code").subheader)
    teacher = join("norms", code=RIGHT)
    assert any("orm and" in title.value for title in teacher.subheader) and NOTE in messages(teacher)
    hide()
    assert len(app.run().metric) == 4, "the guess is kept until the teacher shows the answer"


def test_a_hidden_page_is_gone_and_its_address_says_so(join, hide):
    hide("page:heads", "page:wall", "nonsense")
    app = join("heads", name="Anna")
    assert not app.exception and "This page is hidden for now" in messages(app) and not app.selectbox
    teacher = join("heads", code=RIGHT)
    assert "Students do not see this page" in messages(teacher) and teacher.selectbox


def test_a_word_from_before_a_page_was_split_hides_all_that_the_page_had(join, hide):
    hide("page:head", "page:block")
    for page in ("positions", "head", "block", "norms"):
        assert "This page is hidden for now" in messages(join(page, name="Anna")), page
    assert any("Note 6" in title.value for title in join("scaled", name="Anna").subheader)
    hide(hiding.word_of_page("block.py"))
    assert "This page is hidden for now" in messages(join("block", name="Anna"))
    assert any("LayerNorm" in title.value for title in join("norms", name="Anna").subheader)


def test_only_a_teacher_hides_and_sets_limits(shared, runs):
    with pytest.raises(ValueError, match="only the teacher can hide parts for everybody"):
        hiding.hide(["code"])
    with pytest.raises(ValueError, match="only the teacher can set the limits"):
        set_limits(Limits(steps=1))
    assert hiding.hidden_words() == []


@pytest.mark.parametrize("content", ["", "{}", "[1, null]", "[" * 10_000, '{"code": 1}'])
def test_a_damaged_file_hides_nothing(runs, content):
    (runs / ".hidden.json").write_text(content)
    assert hiding.hidden_words() == [] and not hiding.is_hidden("code")


def test_everything_can_be_hidden_but_the_way_to_the_class():
    words = what_can_be_hidden()
    pages = {hiding.word_of_page(entry.file) for entry in ENTRIES if entry.file not in SHOWN_TO_ALL}
    assert set(PARTS) | pages <= words.keys() and "page:start" not in words
    assert len(set(words.values())) == len(words)


def test_only_the_teacher_gets_the_speaker_notes(join):
    student = join("bpe", name="Anna", notes="1")
    assert not student.exception and "Say" not in messages(student) and "Notes" not in labels(student)
    assert "Join the most frequent pair" in messages(join("bpe", code=RIGHT, notes="1"))


def test_the_teacher_opens_the_course_up_to_a_chapter_for_all(join):
    teacher, student = join("averaging", code=RIGHT), join("averaging", name="Anna", hide="guess")
    widget(teacher.selectbox, "Open up to").set_value("mean-loss").run()
    assert hiding.hidden_words() == ["after-mean-loss"]
    assert "Students do not see this page. Hidden for students: everything after" in messages(teacher).replace("*", "")
    assert "This page is hidden for now" in messages(student.run()) and not student.subheader
    acts = next(group for group in teacher.get("button_group") if group.label == "Closed acts")
    acts.set_value(["act-1"]).run()
    assert hiding.hidden_words() == ["act-1", "after-mean-loss"] and teacher.subheader
    teacher.button(key="people:undo").click().run()
    assert not teacher.exception and hiding.hidden_words() == ["after-mean-loss"]
    widget(teacher.selectbox, "Open up to").set_value("everything").run()
    assert student.run().subheader and NOTE not in messages(teacher).replace(f"**{NOTE}**", "")
