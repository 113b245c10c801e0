"""The example notebooks run from the first cell to the last, and are stored without outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
WIDGETS = {"first-look": 2, "any-model": 2, "train": 1, "inside": 1}
FIGURES = {"first-look": 0, "any-model": 0, "train": 1, "inside": 2}


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "stored without outputs"
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    shown = [output.get("data", {}) for cell in code for output in cell.outputs]
    assert sum("application/vnd.jupyter.widget-view+json" in each for each in shown) == WIDGETS[file.stem]
    assert sum("application/vnd.plotly.v1+json" in each for each in shown) == FIGURES[file.stem]


def test_every_notebook_is_linked():
    linked = re.findall(r"examples/([a-z-]+)\.ipynb", (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8"))
    assert sorted(set(linked)) == [file.stem for file in NOTEBOOKS] == sorted(WIDGETS)
