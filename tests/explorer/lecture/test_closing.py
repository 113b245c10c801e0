"""A word closes an act, or everything after a chapter; pages without an open chapter are closed, in the menu too."""

import pytest

from explorer.lecture.kit.acts import ACTS, act_of
from explorer.lecture.kit.chapters import CHAPTERS
from explorer.lecture.kit.classroom import PARTS, is_page_closed
from explorer.lecture.kit.closing import ACT_WORDS, AFTER, name_of, open_up_to, with_id, words_that_hide
from explorer.navigation import COURSE, ENTRIES
from tests.explorer.elements import messages, widget

CLOSED = "This page is hidden for now"


def closed_by(word: str) -> list[str]:
    return [chapter.id for chapter in CHAPTERS if word in words_that_hide(chapter.id)]


@pytest.mark.parametrize("last", range(len(CHAPTERS)), ids=lambda at: CHAPTERS[at].id)
def test_everything_after_a_chapter_is_closed_and_nothing_before_it(last):
    assert closed_by(f"{AFTER}{CHAPTERS[last].id}") == [chapter.id for chapter in CHAPTERS[last + 1 :]]


def test_a_word_of_an_act_closes_its_chapters_and_no_part_of_every_page():
    for act, word in zip(ACTS, ACT_WORDS, strict=True):
        assert closed_by(word) == [chapter.id for chapter in CHAPTERS if act_of(chapter) is act]
        assert name_of(word) == act.name
    assert all(words_that_hide(part) == {part} for part in PARTS)


def test_one_end_replaces_another_and_old_times_are_ids():
    assert open_up_to(["code", "after-head", "act-5"], "softmax") == ["code", "act-5", "after-softmax"]
    assert open_up_to(["after-head"], None) == []
    assert [with_id(word) for word in ("1:02:00", "after-1:02:00", "nonsense", "after-x")] == [
        "head",
        "after-head",
        "nonsense",
        "after-x",
    ]


def test_a_page_is_closed_with_its_last_open_chapter():
    pages = [entry.file for entry in ENTRIES if entry.section in COURSE]
    assert [file for file in pages if is_page_closed(file, ["after-tokens"])][:1] == ["bigram.py"]
    assert not any(is_page_closed(entry.file, ["nonsense"]) for entry in ENTRIES)
    outside = [entry.file for entry in ENTRIES if entry.section not in COURSE]
    assert not any(is_page_closed(file, list(ACT_WORDS)) for file in outside)
    assert all(is_page_closed(file, list(ACT_WORDS)) for file in pages)


def test_a_link_closes_pages_and_their_menu_opens_them_again(open_app):
    app = open_app(hide="act-2,code").switch_page("../pages/averaging.py").run()
    assert not app.exception and CLOSED in messages(app) and not app.subheader
    widget(app.button, "Open everything up to this page").click().run()
    assert app.query_params["hide"].startswith("act-2,code,after-"), "an act stays closed until it is opened"
    acts = next(group for group in app.get("button_group") if group.label == "Closed acts")
    acts.set_value([]).run()
    assert app.subheader and CLOSED not in messages(app) and app.query_params["hide"] == "code,after-softmax"
    widget(app.selectbox, "Open up to").set_value("loops").run()
    assert [title.value for title in app.subheader] == ["Version 1: two loops"]
    widget(app.button, "Undo").click().run()
    assert app.query_params["hide"] == "code,after-softmax" and len(app.subheader) > 1
    assert len(app.code[-1].value) < 100, "the link is short"
