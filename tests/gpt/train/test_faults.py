"""A disk that is really full.

A small file system of its own where this machine allows one, and a limit on files everywhere.
"""

import errno
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gpt import load_run
from gpt.train.faults import is_full
from gpt.train.loop import train

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
WORKER = """
import pathlib, resource, shutil, sys, torch
from gpt import load_run
from gpt.train import loop
from gpt.train.objectives import language
language.SAMPLE_TOKENS = 20
torch.set_num_threads(1)
def limit(row):
    if row["step"] == 100 and sys.argv[2] == "fill the disk":
        free = shutil.disk_usage(sys.argv[1]).free
        pathlib.Path(sys.argv[1], "..", "of somebody else").write_bytes(bytes(free - 200_000))
    elif row["step"] == 100:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
loop.train(load_run(sys.argv[1]), torch.device("cpu"), limit)
"""
# A run copied onto a file system of 4 MB, trained there until others have filled that, and what is left of it copied
# back.
ON_A_SMALL_DISK = """
mount -t tmpfs -o size=4m small "$1" && cp -r "$2" "$1/run" || exit 2
"$3" -c "$4" "$1/run" "fill the disk"
code=$?
df "$1"
cp -r "$1/run" "$2-after"
exit $code
"""
LONG = {"steps": 3000, "log_every": 1, "eval_every": 3000, "snapshots": 60}


def assert_failed_well(run) -> None:
    assert run.status.state == "failed" and run.status.step > 100
    assert run.status.why.startswith("the disk is full") and "free some space, then resume" in run.status.why
    assert f"the snapshots up to step {run.steps[-1]} are intact" in run.status.why
    assert all(run.model(step) for step in run.steps) and len(run.samples()) >= len(run.steps) > 3
    assert not list(run.folder.rglob("*.new"))
    assert [row["step"] for row in run.metrics()] == list(range(len(run.metrics())))


def goes_on(run) -> None:
    """Once there is room again: to the next logged step."""
    last = run.metrics()[-1]["step"]
    train(load_run(run.folder), CPU, lambda row: run.stop_request.touch() if row["step"] > last else None)
    assert run.status.state == "stopped" and run.status.step > last


@pytest.mark.parametrize("limit", [60_000, 30_000], ids=["metrics", "state"])
def test_a_file_that_cannot_grow_ends_the_run_with_that_reason(new_run, limit):
    run = new_run(**LONG)
    done = subprocess.run(
        [sys.executable, "-c", WORKER, run.folder, str(limit)], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 1 and "Traceback" in done.stderr, done.stderr
    assert_failed_well(run)
    goes_on(run)


def test_a_disk_that_is_full_ends_the_run_with_that_reason(new_run, tmp_path):
    (tmp_path / "small").mkdir()
    own = ["unshare", "--mount", "--map-root-user"]
    mounting = [*own, "mount", "-t", "tmpfs", "x", tmp_path / "small"]
    if not shutil.which("unshare") or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("this machine does not allow mounting a file system; the limit on files is tested all the same")
    run = new_run(**LONG)
    script = [*own, "sh", "-c", ON_A_SMALL_DISK, "sh", tmp_path / "small", run.folder, sys.executable, WORKER]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 1 and "small" in done.stdout, done.stderr
    run = load_run(f"{run.folder}-after")
    assert_failed_well(run)
    goes_on(run)


def test_a_status_that_cannot_be_written_at_all_is_told_from_the_disk(new_run, monkeypatch):
    run = new_run()
    train(run, CPU)
    run.set_status("running", 12)
    monkeypatch.setattr("gpt.train.run.shutil.disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 0))
    assert run.status.state == "interrupted" and run.status.why.startswith("the disk is full")


def test_other_errors_are_not_taken_for_a_full_disk():
    for wrong in (FileNotFoundError(2, "gone"), PermissionError(13, "no"), ValueError("os error 28")):
        assert not is_full(wrong)
    assert is_full(OSError(errno.ENOSPC, "No space left on device"))
