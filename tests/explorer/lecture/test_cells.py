"""The lecture's code in cells: every section shows one, and each page's notebook runs on its own."""

import ast
import json
import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from explorer.lecture.kit import cells
from explorer.navigation import COURSE, ENTRIES
from tests.explorer.lecture.test_chapters import ROOT, parts

PAGES = [entry for entry in ENTRIES if entry.section in COURSE]
SHORTEST, LONGEST = 5, 20  # lines of a cell that a page shows
WITHOUT = {"pick_subject", "_draw_score", "_draw_solved", "exercise"}  # what another section continues, and scores


def named(entry):
    return entry.file


def shown(file):
    """The cells that a file of explorer/lecture shows."""
    return re.findall(r'(?:show_cell\(|\d: )"([a-z]+/[\w ]+)"', file.read_text(encoding="utf-8"))


def notebook(entry):
    return nbformat.reads(cells.notebook(entry, ["0:14:27"]).decode(), as_version=4)


@pytest.mark.parametrize("entry", PAGES, ids=named)
def test_a_notebook_is_valid_and_needs_only_torch(entry):
    made = notebook(entry)
    nbformat.validate(made)
    assert entry.question in made.cells[0].source and "0:14:27" in made.cells[0].source
    code = "\n".join(cell.source for cell in made.cells if cell.cell_type == "code")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported - {"torch"} <= sys.stdlib_module_names


@pytest.mark.parametrize("entry", PAGES, ids=named)
def test_a_notebooks_cells_run_in_their_order(entry, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in notebook(entry).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    assert len(names) > 8


def test_jupyter_runs_a_notebook(tmp_path):
    made = notebook(next(entry for entry in PAGES if entry.file == "averaging.py"))
    run = NotebookClient(made, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = "".join(out.text for cell in run.cells if cell.cell_type == "code" for out in cell.outputs)
    assert "[14., 16.]" in printed and "-inf" in printed and printed.endswith("True\n")


@pytest.mark.parametrize("entry", PAGES, ids=named)
def test_every_section_of_a_page_shows_a_short_cell(entry):
    sections = 0
    for file in parts(entry.file):
        for function in ast.parse(file.read_text(encoding="utf-8")).body:
            marks = getattr(function, "decorator_list", [])
            if any(isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "chapter" for mark in marks):
                calls = [getattr(node.func, "id", "") for node in ast.walk(function) if isinstance(node, ast.Call)]
                assert "show_cell" in calls or function.name in WITHOUT, (file.name, function.name)
                sections += 1
        for place in shown(file):
            source = cells.shown_cell(place)
            lines = [line for line in source.splitlines() if line.strip()]
            assert SHORTEST <= len(lines) <= LONGEST, place
    assert sections


def test_a_cell_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"averaging\.py has no cell 'loop'; it has x, loops"):
        cells.shown_cell("averaging/loop")


def test_cells_use_the_lectures_names():
    files = (ROOT / "gpt" / "chapters" / file for file in ("data.py", "head.py", "multihead.py"))
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    code += json.dumps(cells.read_cells("bigram"))
    for name in ("wei", "tril", "key", "query", "value", "head_size", "lm_head", "xb, yb", "get_batch", "vocab_size"):
        assert re.search(rf"\b{name}\b", code)
    assert "loss.backward()" in code and "token_embedding_table" in code and "stoi" in code
