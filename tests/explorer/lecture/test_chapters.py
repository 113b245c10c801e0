"""The lecture's chapters: each has its page and its test, and every moment that is named is one of them."""

import ast
import re
from pathlib import Path

import pytest

from explorer.lecture.kit.chapters import CHAPTERS
from explorer.navigation import ENTRIES, PAGES

ROOT = Path(__file__).parents[3]
TIMES = {chapter.time for chapter in CHAPTERS}
DONE = [chapter for chapter in CHAPTERS if chapter.page]
CORRECTED = "0:57:00"  # within a chapter: what the lecture says there of the future has a published correction
MOMENT = re.compile(r"\b0?(\d:[0-5]\d:[0-5]\d)\b")


def named(chapter):
    return chapter.time


def read(file):
    return file.read_text(encoding="utf-8")


def parts(page):
    """The modules of explorer/lecture that a page draws."""
    for node in ast.walk(ast.parse(read(PAGES / page))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("explorer."):
            folder = ROOT.joinpath(*node.module.split("."))
            yield from filter(Path.is_file, (folder / f"{alias.name}.py" for alias in node.names))
            yield from filter(Path.is_file, [folder.with_suffix(".py")])


def test_the_chapters_are_the_lectures_in_its_order():
    times = [chapter.time for chapter in CHAPTERS]
    assert len(times) == 30 and times == sorted(set(times)) and times[0] == "0:00:00" and times[-1] == "1:54:32"


@pytest.mark.parametrize("chapter", DONE, ids=named)
def test_a_chapters_page_is_in_the_menu_and_names_its_moment(chapter):
    assert [entry.section for entry in ENTRIES if entry.file == chapter.page] == ["Lecture"]
    assert any(f'"{chapter.time}"' in read(file) for file in parts(chapter.page))


@pytest.mark.parametrize("chapter", DONE, ids=named)
def test_a_chapters_test_is_there(chapter):
    file, _, function = chapter.test.partition("::")
    tree = ast.parse(read(ROOT / "tests" / file))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("file", sorted((ROOT / "explorer" / "lecture").glob("*.py")), ids=lambda file: file.name)
def test_every_moment_of_the_lectures_pages_is_a_chapters(file):
    assert set(MOMENT.findall(read(file))) <= TIMES | {CORRECTED}


def test_every_moment_that_is_named_as_the_source_of_something_is_a_chapters():
    sources = [file for folder in ("gpt", "explorer", "pages") for file in (ROOT / folder).rglob("*.py")]
    cited = {
        moment
        for file in sources
        for line in read(file).splitlines()
        if re.search("[Ll]ecture", line)
        for moment in MOMENT.findall(line)
    }
    assert cited - {CORRECTED} <= TIMES and len(cited) > 20
