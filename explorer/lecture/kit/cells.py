"""The lecture's code of each page, in cells that the page shows, and the notebook of all its cells.

gpt/chapters/ has a script for each page: a line `# %% name` begins a cell. The line `from data import …` is for the
script; the notebook has the cells of that script in its place, so it runs on its own.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from explorer.navigation import Entry

SCRIPTS = Path(__file__).resolve().parents[3] / "gpt" / "chapters"
CELL = re.compile(r"^# %% (.+)\n", re.MULTILINE)
IMPORT = re.compile(r"^from (\w+) import .+\n?", re.MULTILINE)
TEXT = (
    "The code runs from top to bottom; it needs torch. It reads the lecture's text if the file `input.txt` is in this "
    "folder, else a few lines of verse."
)


def has_cells(page: str) -> bool:
    """Return whether there is a script for this page."""
    return (SCRIPTS / f"{page}.py").exists()


@cache
def read_cells(page: str) -> dict[str, str]:
    """Return the cells of a page's script, in order: name → source. page: the stem of its file in pages/."""
    _, *parts = CELL.split((SCRIPTS / f"{page}.py").read_text(encoding="utf-8"))
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def shown_cell(place: str) -> str:
    """Return the source of a cell. place: page and name, "bigram/train". Raises ValueError if there is no such cell."""
    page, _, name = place.partition("/")
    cells = read_cells(page)
    if name not in cells:
        raise ValueError(f"gpt/chapters/{page}.py has no cell {name!r}; it has {', '.join(cells)}")
    return cells[name]


def notebook_cells(page: str, included: set[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield name and source of every cell of the page's notebook, first those of the scripts that it imports."""
    included = set() if included is None else included
    for name, source in read_cells(page).items():
        for script in IMPORT.findall(source):
            if has_cells(script) and script not in included:
                included.add(script)
                yield from notebook_cells(script, included)
        yield name.removeprefix("from "), IMPORT.sub(_unless_script, source).strip()


def notebook(entry: Entry, times: list[str]) -> bytes:
    """Return the page's code as a notebook (nbformat 4.5). times: the marks of its chapters in the lecture."""
    page = Path(entry.file).stem
    marks = f"Lecture {', '.join(times)}. " if times else ""
    cells = [_cell("markdown", "heading", f"# {entry.title}\n\n{entry.question} {marks}\n\n{TEXT}")]
    for i, (name, source) in enumerate(notebook_cells(page)):
        cells.append(_cell("markdown", f"title-{i}", f"### {name[:1].upper()}{name[1:]}"))
        cells.append(_cell("code", f"code-{i}", source) | {"execution_count": None, "outputs": []})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}, indent=1).encode()


def _cell(kind: str, name: str, source: str) -> dict[str, object]:
    return {"cell_type": kind, "id": name, "metadata": {}, "source": source}


def _unless_script(line: re.Match[str]) -> str:
    return "" if has_cells(line[1]) else line[0]
