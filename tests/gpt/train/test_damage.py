"""Whatever a run folder holds.

Every operation ends soon, says what is wrong, and touches nothing outside the folder.
"""

import shutil
from pathlib import Path

import pytest
import torch

from gpt import create_run, load_run
from gpt.train.fork import fork_run
from gpt.train.loop import train
from tests.damage import DAMAGES, OUTSIDE

CPU = torch.device("cpu")
SECRET = (
    "A text that belongs to somebody else, of more than one hundred characters, so that it could be trained on. " * 3
)


@pytest.fixture(scope="module")
def good(tmp_path_factory, recipe, corpus) -> Path:
    run = create_run(tmp_path_factory.mktemp("runs") / "run", recipe(steps=4, snapshots=2), corpus)
    train(run, CPU)
    (run.folder / "log.txt").touch()
    return run.folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


OPERATIONS = {
    "metrics": lambda run: run.metrics(),
    "samples": lambda run: run.samples(),
    "status": lambda run: run.status,
    "text": lambda run: run.corpus(),
    "model": lambda run: run.model(),
    "fork": lambda run: fork_run(run, None, run.folder.parent / "child", steps=max(8, run.recipe.steps)),
    "train": lambda run: train(run, CPU, lambda row: run.stop_request.touch()),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_explained_and_reaches_nothing_outside(name, good, tmp_path):
    folder = Path(shutil.copytree(good, tmp_path / "run"))
    (tmp_path / "elsewhere.txt").write_text(SECRET, encoding="utf-8")
    DAMAGES[name](folder)
    outside = tmp_path / OUTSIDE
    before = contents(outside) if outside.exists() else {}
    for operation in OPERATIONS.values():
        try:
            result = operation(load_run(folder))
        except ValueError as error:
            assert len(str(error)) > 20
        else:
            assert SECRET not in str(getattr(result, "text", ""))
    assert not outside.exists() or contents(outside) == before
    assert not (tmp_path / "child").exists() or load_run(tmp_path / "child").status.state == "queued"
