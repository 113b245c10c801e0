"""The lesson plans: minutes without a gap, links to pages, parts and choices that exist, and answers as computed."""

import importlib
import re
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from explorer.choice import Choice
from explorer.lecture.exercises.exercise import Number
from explorer.lecture.exercises.registry import of_act
from explorer.lecture.kit.acts import ACTS
from explorer.lecture.kit.chapters import find_chapter
from explorer.lecture.kit.classroom import PARTS
from explorer.lecture.kit.closing import is_of_several, name_of
from explorer.lecture.kit.exercise import number_in_words
from explorer.navigation import ENTRIES
from gpt import PRESETS
from tests.explorer.lecture.test_chapters import parts

FOLDER = Path(__file__).parents[3] / "docs" / "lessons"
PLANS = sorted(FOLDER.glob("[1-5]-*.md"))
APP = re.compile(r"http://localhost:8501/([a-z]+)([^)>\s]*)")
MINUTES = re.compile(r"^\| (\d+)–(\d+) \|", re.MULTILINE)
ANSWER = re.compile(r"^\| \[([a-z0-9-]+)\]\(http://localhost:8501/\S+\) \| (.+?) \| .+\. \|$", re.MULTILINE)
QUICK = ("intro?prompt", "multihead?prompt", "norms?normalise=batch", "rotary?")  # links of these open in every run


def read(plan: Path) -> str:
    return plan.read_text(encoding="utf-8")


def links() -> list[str]:
    """The different links of all plans: page, choices and part."""
    return sorted({"".join(found) for plan in PLANS for found in APP.findall(read(plan))})


def choices_of(page: str) -> dict[str, Choice]:
    """The choices in the modules that a page imports, and in those that they import."""
    modules = [importlib.import_module(_name(file)) for file in parts(page)]
    modules += [sys.modules[name] for module in modules for name in _used(module) if name in sys.modules]
    return {each.name: each for module in modules for each in vars(module).values() if isinstance(each, Choice)}


def _name(file: Path) -> str:
    return ".".join(file.relative_to(FOLDER.parents[1]).with_suffix("").parts).removesuffix(".__init__")


def _used(module) -> set[str]:
    owners = {getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values()}
    modules = {value.__name__ for value in vars(module).values() if type(value) is type(sys)}
    return {name for name in owners | modules if name.startswith("explorer.")}


def test_there_is_a_plan_for_each_act_and_the_index_names_it():
    assert [int(plan.name[0]) for plan in PLANS] == [act.number for act in ACTS]
    index = read(FOLDER / "README.md")
    for plan, act in zip(PLANS, ACTS, strict=True):
        assert read(plan).startswith(f"# {act.name}\n\n**Aim.** ") and f"({plan.name})" in index


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
def test_the_minutes_of_both_lessons_have_no_gap(plan):
    for length in (45, 90):
        lesson = read(plan).split(f"## {length} minutes\n")[1].split("\n## ")[0]
        times = [(int(start), int(end)) for start, end in MINUTES.findall(lesson)]
        assert times[0][0] == 0 and times[-1][1] == length
        assert all(end == start for (_, end), (start, _) in pairwise(times))
        assert ("8501/wall" in lesson) == (length == 90)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_the_class_exercises_have_the_computed_answers(act):
    answers = dict(ANSWER.findall(read(PLANS[act.number - 1])))
    asked = {exercise.name: exercise.ask for exercise in of_act(act) if exercise.for_class}
    assert answers.keys() == asked.keys()
    for name, ask in asked.items():
        right = [number_in_words(ask.answer())] if isinstance(ask, Number) else ask.right()
        assert answers[name].split(" or ") == list(right), name


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_the_exercises_that_a_plan_names_exist(act):
    named = set(re.findall(r"\*([a-z0-9]+(?:-[a-z0-9]+)+)\*", read(PLANS[act.number - 1])))
    assert named and named <= {exercise.name for exercise in of_act(act)}


@pytest.mark.parametrize("link", links())
def test_a_link_leads_to_a_page_a_part_and_choices_that_exist(link):
    url = urlsplit(link)
    page = f"{url.path}.py"
    assert page in {entry.file for entry in ENTRIES}
    chapter = find_chapter(url.fragment)
    assert not url.fragment or (chapter and chapter.page == page), url.fragment
    choices = dict(parse_qsl(url.query))
    words = choices.pop("hide", "").split(",")
    assert all(word in ("", *PARTS) or name_of(word) or find_chapter(word) for word in words)
    assert any(map(is_of_several, words)) or "act" not in url.query
    form = dict(pair.split(":") for pair in filter(None, choices.pop("form", "").split(",")))
    assert form.keys() <= {"recipe"} and set(form.values()) <= PRESETS.keys()
    if choices:
        declared = choices_of(page)
        for name, text in choices.items():
            value = declared[name]._parsed(text)
            assert value is not None and value == declared[name]._nearest(value), (name, text)


@pytest.mark.parametrize(
    "link", [pytest.param(link, marks=() if link.startswith(QUICK) else pytest.mark.soak) for link in links()]
)
def test_a_link_opens_without_a_complaint(open_app, link):
    url = urlsplit(link)
    app = open_app(**{"model": "shakespeare-char"} | dict(parse_qsl(url.query)))
    app = app.switch_page(f"../pages/{url.path}.py").run()
    assert not app.exception and not app.error and not app.warning
    assert not any(text.value.startswith("There is no ") for text in app.caption)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
def test_a_class_link_leaves_the_act_open_and_closes_what_comes_later(plan):
    act = ACTS[int(plan.name[0]) - 1]
    [link] = re.findall(r"class link: <http://localhost:8501/(\S+)>", read(plan))
    page, _, hide = link.partition("?hide=")
    last = act.chapters[-1].id
    assert hide == (f"after-{last}" if act is not ACTS[-1] else "") and page == act.chapters[0].page.removesuffix(".py")
