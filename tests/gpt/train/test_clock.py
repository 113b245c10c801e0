"""A clock that goes back while a run trains and while others look at it: no number is negative, and the run goes on."""

import os
import time
from itertools import count

import pytest
import torch

from gpt.train import __main__ as command
from gpt.train.loop import train
from gpt.train.run import QUIET, load_run

HOUR = 3600.0


@pytest.fixture
def backwards(monkeypatch):
    """Each look at the clock is an hour earlier than the last."""
    start, looks = time.time(), count()

    def look() -> float:
        return start - HOUR * next(looks)

    monkeypatch.setattr(time, "time", look)
    monkeypatch.setattr("tqdm.std.time", look)


def test_a_run_trains_and_its_times_go_forward(new_run, backwards):
    run = new_run(steps=12)
    train(run, torch.device("cpu"))
    rows = run.metrics()
    elapsed = [row["elapsed"] for row in rows]
    assert run.status.state == "finished" and [row["step"] for row in rows] == list(range(13))
    assert elapsed == sorted(elapsed) and elapsed[0] >= 0
    assert all(row["tokens_per_s"] > 0 for row in rows if "tokens_per_s" in row)


def test_the_command_trains(new_run, backwards, capsys):
    run = new_run(steps=12)
    assert command.main(["--resume", str(run.folder), "--device", "cpu"]) == 0
    assert load_run(run.folder).status.step == 12 and "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(("age", "held"), [(QUIET / 2, True), (QUIET * 2, False), (-HOUR, False)])
def test_a_folder_that_cannot_be_locked_is_held_by_a_recent_status_only(new_run, age, held):
    run = new_run()
    run.set_status("running", 3)
    (run.folder / ".lock").mkdir()  # no process can take such a lock, as in a folder that is read-only
    now = time.time()
    os.utime(run.folder / "status.json", (now - age, now - age))
    assert run.is_held == held and run.status.state == ("running" if held else "interrupted")
