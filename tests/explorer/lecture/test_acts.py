"""The five acts hold every chapter once, in the lecture's order."""

from explorer.lecture.kit.acts import ACTS, act_of
from explorer.lecture.kit.chapters import CHAPTERS, find_chapter


def test_every_chapter_with_a_page_is_in_one_act():
    inside = [chapter for act in ACTS for chapter in act.chapters]
    assert sorted(chapter.id for chapter in inside) == sorted(chapter.id for chapter in CHAPTERS if chapter.page)


def test_an_act_begins_with_its_first_chapter():
    marks = {"intro": 1, "mean-loss": 1, "loops": 2, "scaled-scores": 2, "inserting-head": 3, "scaling": 3}
    marks |= {"translation": 4, "conclusions": 4, "rotary": 5}
    assert {mark: act_of(find_chapter(mark)).number for mark in marks} == marks
