"""What a class's link hides is hidden on every page of the lecture, and the menu makes such a link."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import navigation
from explorer.lecture.exercises.registry import EXERCISES
from explorer.lecture.kit.chapters import CHAPTERS, find_chapter
from explorer.lecture.kit.classroom import PARTS


@pytest.fixture
def lecture_page(open_page):
    return lambda file, **choices: open_page(Path(file).stem, **choices)


def titles(app):
    return [found.value for found in app.subheader]


def labels(app):
    return {button.label for button in app.button}


def test_a_part_is_hidden_on_every_page_and_nothing_else(lecture_page):
    app = lecture_page("bigram.py")
    assert {"Guess", "Train", "Show everything"} <= labels(app) and not app.metric
    there = titles(app)
    codes = [found for found in app.expander if found.label == "Show the code"]
    app = lecture_page("bigram.py", hide="guess,code,training")
    assert not app.exception and titles(app) == there and codes
    assert not {"Guess", "Train", "Stop"} & labels(app) and len(app.metric) == 4
    assert not [found for found in app.expander if found.label == "Show the code"]
    app = app.switch_page("../pages/averaging.py").run()
    assert "Guess" not in labels(app) and app.metric[1].value != "?"


@pytest.mark.parametrize("hide", ["layernorm,positions,nonsense", "1:32:51,1:00:18,nonsense"])
def test_a_chapter_is_hidden_with_all_its_parts_by_its_id_and_in_old_links_by_its_time(lecture_page, hide):
    for page, training in (("norms.py", "lecture:norms:train"), ("positions.py", "lecture:positions:train")):
        shown, app = lecture_page(page), lecture_page(page, hide=hide)
        assert not app.exception and titles(shown) and not titles(app)
        assert not any("orm and" in title or "Positional" in title for title in titles(app))
        assert not any("A model with each" in found.value for found in app.markdown)
        trainings = [[button.key for button in each.button if button.label == "Train"] for each in (shown, app)]
        assert set(trainings[0]) - set(trainings[1]) == {training}


def test_a_chapter_that_goes_on_on_another_page_is_hidden_with_it(lecture_page):
    assert not titles(lecture_page("rewards.py", hide="chat")) and not titles(lecture_page("chat.py", hide="1:48:53"))
    assert not titles(lecture_page("rewards.py", hide="rewards")) and titles(lecture_page("chat.py", hide="rewards"))


@pytest.mark.parametrize("hide", ["", "later"])
def test_a_chapter_that_the_video_does_not_have_needs_no_time(hide):
    def page():
        import streamlit as st

        from explorer.lecture.kit.controls import chapter

        chapter("Later", "later", "Do this.")(lambda: st.text("drawn"))()

    app = AppTest.from_function(page, default_timeout=60)
    app.query_params["hide"] = hide
    app.run()
    texts = [element.value for element in (*app.subheader, *app.markdown, *app.text)]
    assert not app.exception and texts == ([] if hide else ["Later", "Do this.", "drawn"])


@pytest.mark.parametrize(
    "entry", [entry for entry in navigation.ENTRIES if entry.section in navigation.COURSE], ids=lambda entry: entry.file
)
def test_every_page_has_its_anchors_each_exercise_once_and_the_menu_until_a_link_hides_it(lecture_page, entry):
    app = lecture_page(entry.file)
    here = [each for each in EXERCISES.values() if find_chapter(each.chapter).page == entry.file and not each.on_page]
    checks = [button.key for button in app.button if (button.key or "").startswith("exercise:")]
    assert sorted(key for key in checks if key.endswith(":check")) == sorted(
        f"exercise:{exercise.name}:check" for exercise in here
    )
    anchors = [found.anchor for found in app.subheader if found.anchor]
    assert anchors == [chapter.id for chapter in CHAPTERS if chapter.page == entry.file], "links lead to each chapter"
    assert app.get("button_group")[-1].label == "Hide"
    app.get("button_group")[-1].set_value(["menu"]).run()
    assert not app.exception and "Show everything" not in labels(app) and app.query_params["hide"] == "menu"


def test_the_menu_makes_the_link_and_keeps_what_other_pages_hide(lecture_page):
    app = lecture_page("scaled.py", hide="0:22:11")
    app.get("button_group")[-1].set_value(["bigram", "code", "scaled-scores"]).run()
    assert app.query_params["hide"] == "bigram,code,scaled-scores"
    assert not any("Note 6" in title for title in titles(app))
    assert "hide=bigram,code,scaled-scores" in app.code[-1].value
    next(button for button in app.button if button.label == "Show everything").click().run()
    assert "hide" not in app.query_params and any("Note 6" in title for title in titles(app))


def test_everything_can_be_hidden(lecture_page):
    app = lecture_page("nanogpt.py", hide=f"{','.join(PARTS)},1:46:22")
    assert not app.exception and not titles(app) and app.title[0].value == "nanoGPT"
