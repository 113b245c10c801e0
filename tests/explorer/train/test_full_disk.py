"""A full disk in every step of the app that writes: a sentence says what to do, no file is half written, a later try
works.

Training itself is in tests/gpt/train/test_faults.py. The system refuses to let a file grow past a limit, as it refuses
on a full disk: also where a library writes that is not in Python.
"""

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from explorer.people import hiding, limits
from explorer.people.identity import Person, read_cookie, set_name, write_cookie
from explorer.train import jobs
from explorer.train.runs import export, prepared, trash
from explorer.train.runs.transfer import import_run, write_archive, write_page
from explorer.train.wall import setting
from explorer.train.wall.ranking import Task
from gpt import Corpus, export_pretrained, load_run
from gpt.train.archive import pack_run
from tests.explorer.conftest import TEXT
from tests.full_disk import full_disk

LIMITS = (0, 15, 3_000)  # bytes of a file: nothing fits; a part of a small file; a part of the weights
IN_PLACE = {"resume a run"}  # status.json is written in place where no file can grow
NEED_NO_SPACE = {"stop a run", "delete and restore"}
OTHERS = {".lock", ".queue", ".launch"}  # locks, which are empty


@dataclass(frozen=True)
class Place:
    """What the steps write into: a folder of runs, with a packed run beside them."""

    runs: Path
    packed: bytes

    @property
    def tiny(self):
        return load_run(self.runs / "tiny")


def delete(place: Place) -> None:
    trash.delete(place.runs, "tiny")
    assert trash.restore(trash.deleted(place.runs)[0]) == "tiny"


def prepare(write):
    def step(place: Place) -> None:
        prepared.prepare(write.__name__, lambda show: write(place.tiny, show)).file.close()

    return step


def write_export(run, show) -> io.IOBase:
    return export.write_zip(run, run.steps[-1], show)


STEPS = {
    "set limits": lambda place: limits.write_limits(limits.Limits(runs=3)),
    "set a name": lambda place: set_name(Person("x" * 22), "Ada"),
    "hide parts": lambda place: hiding.hide(["page:heads"]),
    "set a task": lambda place: setting.set_task(Task("Lowest loss")),
    "create a run": lambda place: jobs.create(place.runs, "new", place.tiny.recipe, Corpus("own", TEXT, "for a test")),
    "fork a run": lambda place: jobs.fork(place.runs, "fork", place.tiny, 2, steps=4),
    "resume a run": lambda place: jobs.resume(place.tiny),
    "stop a run": lambda place: jobs.stop(place.tiny),
    "give a title": lambda place: jobs.rename(place.runs, "tiny", "tiny", "Frühling"),
    "rename a run": lambda place: jobs.rename(place.runs, "parent", "other"),
    "delete and restore": delete,
    "import a run": lambda place: import_run(place.runs, io.BytesIO(place.packed), "imported"),
    "export a folder": lambda place: export_pretrained(place.tiny, place.runs.parent / "exported" / "model"),
    "download the run": prepare(write_archive),
    "download its page": prepare(write_page),
    "download the model": prepare(write_export),
}  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.name not in OTHERS}


@pytest.fixture
def place(runs, tmp_path, nothing_starts, monkeypatch) -> Place:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    file = io.BytesIO()
    pack_run(load_run(runs / "tiny"), file)
    jobs.fork(runs, "parent", load_run(runs / "tiny"), 2, steps=4)
    (runs / "parent" / "snapshots" / "000004.safetensors").write_bytes(
        (runs / "tiny" / "snapshots" / "000002.safetensors").read_bytes()
    )
    jobs.fork(runs, "child", load_run(runs / "parent"), 4, steps=8)
    for name in ("parent", "child"):
        load_run(runs / name).set_status("stopped", 4)
    torch.set_num_threads(1)
    return Place(runs, file.getvalue())


@pytest.mark.parametrize("name", STEPS)
def test_a_full_disk_is_explained_and_leaves_nothing_half_written(name, place):
    root = place.runs.parent
    for most in (0,) if name in IN_PLACE | NEED_NO_SPACE else LIMITS:
        before = contents(root)
        try:
            with full_disk(most):
                STEPS[name](place)
        except ValueError as error:
            assert name not in NEED_NO_SPACE and "space" in str(error), error
            assert contents(root) == before and not list((root / "temporary").iterdir())
        else:
            assert name in NEED_NO_SPACE or most == LIMITS[-1]  # all its files are small
    if name not in NEED_NO_SPACE and contents(root) == before:
        STEPS[name](place)


def test_a_secret_that_cannot_be_kept_is_one_of_this_process(place):
    with full_disk(0):
        assert read_cookie(write_cookie("x" * 22)) == "x" * 22
    assert not list(place.runs.glob(".secret*"))
