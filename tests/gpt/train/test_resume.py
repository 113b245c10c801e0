import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from gpt import RunError, load_run
from gpt.train.loop import Trainer, train
from gpt.train.recipe import snapshot_steps

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("short_samples")
ROOT = Path(__file__).parents[3]
TIMING = ("elapsed", "tokens_per_s")


def curve(run) -> list[dict]:
    """The logged rows without what depends on the clock."""
    return [{name: value for name, value in row.items() if name not in TIMING} for row in run.metrics()]


def assert_same(run, other) -> None:
    assert curve(run) == curve(other)
    assert run.samples() == other.samples()
    for name, weights in run.model().state_dict().items():
        assert torch.equal(weights, other.model().state_dict()[name]), name


def stop_at(run, step):
    """A listener that asks the run to stop once that step is logged."""
    return lambda row: run.stop_request.touch() if row["step"] == step else None


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": 0.2},
        {"dropout": 0.2, "optimizer": "muon", "grad_clip": 0.5},
        {"n_layer": 0},
        {"tie_weights": True, "positions": "sinusoidal", "precision": "bfloat16", "norm": "batch"},
        {"snapshots": 1},
    ],
    ids=str,
)
def test_a_resumed_run_is_the_uninterrupted_one(new_run, changes):
    whole, parts = new_run(**changes), new_run(**changes)
    train(whole, CPU)
    for step in (4, 13):
        train(load_run(parts.folder), CPU, stop_at(parts, step))
        assert parts.status.state == "stopped" and parts.status.step == step + 1
        assert not parts.stop_request.exists()
        torch.manual_seed(step)  # whatever else the process does
    train(load_run(parts.folder), CPU)
    assert parts.status.state == "finished"
    assert curve(whole) == curve(parts)
    for name, weights in whole.model().state_dict().items():
        assert torch.equal(weights, parts.model().state_dict()[name]), name


KILLED = """
import os, signal, sys, torch
from gpt import load_run
from gpt.train import loop
from gpt.train.objectives import language
language.SAMPLE_TOKENS = 20
torch.set_num_threads(1)
end = lambda row: row["step"] == 14 and os.kill(os.getpid(), signal.SIGKILL)
loop.train(load_run(sys.argv[1]), torch.device("cpu"), end)
"""


def test_a_killed_run_is_interrupted_and_resumes_as_if_nothing_had_been(new_run):
    whole, killed = new_run(dropout=0.2), new_run(dropout=0.2)
    train(whole, CPU)
    worker = subprocess.run([sys.executable, "-c", KILLED, killed.folder], cwd=ROOT, capture_output=True)
    assert worker.returncode == -signal.SIGKILL, worker.stderr.decode()
    assert json.loads((killed.folder / "status.json").read_text())["state"] == "running"
    assert killed.status.state == "interrupted" and "can be resumed" in killed.status.why
    newest = max(step for step in snapshot_steps(30, 5) if step <= 15)
    assert killed.steps[-1] == newest < 14 == killed.metrics()[-1]["step"]
    with (killed.folder / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 15, "train_lo')
    train(load_run(killed.folder), CPU)
    assert_same(whole, killed)


ENDED = """
import os, signal, sys, torch
from gpt import load_run
from gpt.train import loop
from gpt.train.objectives import language
language.SAMPLE_TOKENS = 20
torch.set_num_threads(1)
loop.SAVE_EVERY, loop.SAVE_SHARE = 0, float("inf")  # save at each step
run, number, where = load_run(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
evaluate = loop.Trainer.evaluate
def evaluate_and_end(trainer):
    if where == "evaluating" and trainer.step == 20:
        os.kill(os.getpid(), number)
    return evaluate(trainer)
loop.Trainer.evaluate = evaluate_and_end
end = lambda row: where == "training" and row["step"] == 14 and os.kill(os.getpid(), number)
loop.train(run, torch.device("cpu"), end)
"""


@pytest.mark.parametrize(
    ("number", "where", "code"),
    [
        (signal.SIGKILL, "training", -9),
        (signal.SIGTERM, "training", 143),
        (signal.SIGTERM, "evaluating", 143),
        (signal.SIGINT, "training", 1),  # KeyboardInterrupt
    ],
)
def test_an_ended_process_loses_nothing(new_run, number, where, code):
    """A recipe with one snapshot: the state is saved by time, and when a signal asks the process to end."""
    changes = {"snapshots": 1, "dropout": 0.2, "optimizer": "muon"}
    whole, ended = new_run(**changes), new_run(**changes)
    train(whole, CPU)
    worker = subprocess.run(
        [sys.executable, "-c", ENDED, ended.folder, str(int(number)), where], cwd=ROOT, capture_output=True
    )
    assert worker.returncode == code, worker.stderr.decode()
    asked = {"training": 15, "evaluating": 20}[where]
    if number == signal.SIGKILL:
        assert ended.status.state == "interrupted"
        asked -= 1  # saved before the step, logged after it
    else:
        assert (ended.status.state, ended.status.step) == ("stopped", asked)
        assert ended.status.why == f"ended by {number.name}; it can be resumed"
    rows = []
    train(load_run(ended.folder), CPU, rows.append)
    assert rows[0]["step"] == asked and ended.status.state == "finished"
    assert_same(whole, ended)


def test_a_state_that_is_no_number_does_not_replace_a_good_one(new_run):
    run = new_run()
    trainer = Trainer(run, CPU)
    trainer.save()
    good = run.resume_path.read_bytes()
    trainer.advance()
    with torch.no_grad():
        trainer.model.unembed.weight[0, 0] = torch.nan
    trainer.save()
    assert run.resume_path.read_bytes() == good


def test_samples_of_stops_between_snapshots_are_kept_once(new_run):
    whole, parts = new_run(), new_run()
    train(whole, CPU)
    for step in (4, 13, 13):  # the third stop is at once, where the second was
        train(load_run(parts.folder), CPU, stop_at(parts, step))
        if step == 13:
            parts.stop_request.touch()
    train(load_run(parts.folder), CPU)
    assert parts.status.state == "stopped" and parts.status.step == 14
    train(load_run(parts.folder), CPU)
    assert parts.steps == [row["step"] for row in parts.samples()] == sorted({*whole.steps, 5, 14})
    assert [row for row in parts.samples() if row["step"] in whole.steps] == whole.samples()
    assert curve(whole) == curve(parts)


def test_a_run_killed_before_its_first_snapshot_starts_again(new_run):
    whole, killed = new_run(snapshots=1), new_run(snapshots=1)
    train(whole, CPU)
    with pytest.raises(SystemExit):
        train(killed, CPU, lambda row: sys.exit() if row["step"] == 14 else None)  # ends without a word, as if killed
    assert killed.status.state == "interrupted" and killed.steps == [] and len(killed.metrics()) == 15
    train(load_run(killed.folder), CPU)
    assert_same(whole, killed)


def test_resuming_a_finished_run_changes_nothing(new_run):
    run = new_run()
    train(run, CPU)
    before, weights = curve(run), run.model().state_dict()
    train(load_run(run.folder), CPU)
    assert curve(run) == before and run.status.state == "finished"
    assert all(torch.equal(value, weights[name]) for name, value in run.model().state_dict().items())


def test_a_run_without_a_saved_state_is_not_trained_over(new_run):
    run = new_run()
    train(run, CPU)
    run.resume_path.unlink()
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="no saved state to resume from; train a new run in another folder"):
        train(load_run(run.folder), CPU)
    assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def test_a_stop_requested_before_the_start_stops_the_run(new_run):
    run = new_run()
    run.stop_request.touch()
    train(run, CPU)
    assert run.status.state == "stopped" and run.status.step == 0 and run.steps == [0]
    assert not run.stop_request.exists()


class Clock:
    """A millisecond passes at every look; a sleep is a thousand seconds."""

    now = 0.0

    def perf_counter(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += 1000
        time.sleep(0.01)


@pytest.mark.parametrize("then", ["go on", "stop"])
def test_a_pause_waits_until_it_is_lifted_and_is_no_training_time(new_run, monkeypatch, then):
    whole, run = new_run(), new_run()
    train(whole, CPU)
    monkeypatch.setattr("gpt.train.loop.time", Clock())
    worker = threading.Thread(
        target=train, args=(run, CPU, lambda row: run.pause_request.touch() if row["step"] == 5 else None)
    )
    worker.start()
    while run.status.state != "paused":
        assert worker.is_alive()
        time.sleep(0.01)
    logged = len(run.metrics())
    time.sleep(0.2)
    assert len(run.metrics()) == logged == 6 and run.status.state == "paused" and run.status.step == 6
    run.stop_request.touch() if then == "stop" else run.pause_request.unlink()
    worker.join(timeout=60)
    assert not worker.is_alive()
    if then == "stop":
        assert run.status.state == "stopped" and run.status.step == 6
    else:
        assert_same(whole, run)
        assert all(row["elapsed"] < 1000 for row in run.metrics())
        assert all(row["tokens_per_s"] > 1 for row in run.metrics() if "train_loss" in row)


def test_a_second_worker_is_turned_away_and_touches_nothing(new_run):
    run = new_run()
    run.set_status("running", 12)
    with FileLock(run.folder / ".lock"):
        before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
        assert run.status.state == "running" and run.is_held
        with pytest.raises(RunError, match="is being trained by another process"):
            train(load_run(run.folder), CPU)
        assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert not run.is_held and run.status.state == "interrupted"


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes((path.parents[1] / "snapshots" / "000030.safetensors").read_bytes()),
    ],
    ids=["truncated", "empty", "no state"],
)
def test_a_damaged_state_is_refused(new_run, damage):
    run = new_run()
    train(run, CPU)
    damage(run.resume_path)
    with pytest.raises(RunError, match="its state to resume from"):
        train(load_run(run.folder), CPU)
    assert run.status.state == "failed" and run.model(30)
