"""Real worker processes on tiny runs."""

import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.train import jobs
from explorer.train import workers as workers_module
from explorer.train.names import check_name, free_name
from gpt import Corpus, GPTConfig, Recipe, create_run, load_run
from gpt.train.loop import train
from tests.damage import in_recipe

TEXT = Corpus("own", "the quick brown fox jumps over the lazy dog, and the dog sleeps on.\n" * 40, "a test")
TINY = Recipe(
    model=GPTConfig(block_size=8, n_layer=1, n_head=2, n_embd=8), text="own", steps=30, batch_size=4, eval_every=10,
    eval_batches=1, log_every=1, snapshots=4,
)  # fmt: skip
LONG = replace(TINY, steps=1_000_000, log_every=20)


def until(happens, what: str) -> None:
    deadline = time.monotonic() + 180
    while not happens():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


def until_state(run, *states: str) -> None:
    try:
        until(lambda: run.status.state in states, f"{run.name} is {' or '.join(states)}")
    except AssertionError:
        log = run.folder / "log.txt"
        pytest.fail(f"{run.status}\n{log.read_text() if log.exists() else 'no log'}")


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    """Every process that a test's jobs start, ended with the test."""
    started = []
    popen = subprocess.Popen

    def recorded(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(workers_module.subprocess, "Popen", recorded)
    monkeypatch.setattr(jobs, "slots", lambda: 1)
    yield started
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    for worker in started:
        worker.kill()
        worker.wait()


def test_a_run_trains_to_its_end_and_writes_everything_down(runs, workers):
    run = jobs.create(runs, "mine", TINY, TEXT)
    until_state(run, "finished", "failed")
    assert run.status.step == 30
    assert [row["step"] for row in run.metrics()] == list(range(31))
    assert run.steps[0] == 0 and run.steps[-1] == 30
    until(lambda: workers[0].returncode is not None, "the worker is reaped")
    assert "finished at step 30" in (run.folder / "log.txt").read_text()


def test_runs_queue_in_order_and_the_next_starts_by_itself(runs, workers):
    first = jobs.create(runs, "first", LONG, TEXT)
    second = jobs.create(runs, "second", TINY, TEXT)
    third = jobs.create(runs, "third", TINY, TEXT)
    until_state(first, "running")
    jobs.advance(runs)
    assert [run.name for run in jobs.live(runs) if run.status.state == "queued"] == ["second", "third"]
    assert len(workers) == 1
    jobs.stop(first)
    until_state(third, "finished")
    assert (first.status.state, second.status.state) == ("stopped", "finished")
    assert len(workers) == 3


def test_a_paused_run_waits_and_goes_on(runs):
    run = jobs.create(runs, "mine", LONG, TEXT)
    until(lambda: len(run.metrics()) > 3, "it trains")
    jobs.pause(run)
    until_state(run, "paused")
    step = run.status.step
    time.sleep(0.5)
    assert run.status.step == step
    jobs.resume(run)
    until(lambda: run.status.state == "running" and run.status.step > step, "it trains on")


def test_a_stopped_run_goes_on_where_it_was(runs):
    run = jobs.create(runs, "mine", replace(TINY, steps=2000), TEXT)
    until(lambda: len(run.metrics()) > 3, "it trains")
    jobs.stop(run)
    until_state(run, "stopped")
    stopped_at = run.status.step
    assert 0 < stopped_at < 2000 and stopped_at in run.steps
    jobs.resume(run)
    until_state(run, "finished")
    assert [row["step"] for row in run.metrics()] == list(range(2001))


def test_a_stop_is_honoured_while_the_worker_starts(runs):
    run = jobs.create(runs, "mine", LONG, TEXT)
    jobs.stop(run)
    until_state(run, "stopped")
    assert not run.stop_request.exists()


def test_a_waiting_run_leaves_the_queue_when_it_is_stopped(runs, workers, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    run = jobs.create(runs, "mine", TINY, TEXT)
    jobs.stop(run)
    assert run.status.state == "stopped" and not run.stop_request.exists() and not workers
    jobs.resume(run)
    assert run.status.state == "queued" and [waiting.name for waiting in jobs.live(runs)] == ["mine"]


def test_a_killed_run_is_interrupted_and_resumes_as_if_it_had_not_been(runs, workers):
    recipe = replace(TINY, steps=600, model=replace(TINY.model, dropout=0.1), snapshots=6)
    run = jobs.create(runs, "mine", recipe, TEXT)
    until(lambda: len(run.metrics()) > 50, "it trains")
    workers[0].kill()
    until_state(run, "interrupted")
    assert run.status.step < 600
    jobs.resume(run)
    whole = create_run(runs.with_name("whole"), recipe, TEXT)
    train(whole, torch.device("cpu"))
    until_state(run, "finished")
    assert curve(run) == curve(whole)


def curve(run):
    return [(row["step"], row.get("train_loss"), row.get("val_loss"), row.get("grad_norm")) for row in run.metrics()]


def test_nobody_trains_a_run_that_another_process_trains(runs, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    run = jobs.create(runs, "mine", TINY, TEXT)
    run.set_status("running", 7)
    with run.lock.acquire():
        command = [sys.executable, "-m", "gpt.train", "--resume", str(run.folder)]
        refused = subprocess.run(command, cwd=jobs.ROOT, capture_output=True, text=True, check=False)
        jobs.resume(run)
        assert refused.returncode == 1 and "another process" in refused.stderr
        assert (run.status.state, run.status.step) == ("running", 7)


def test_many_that_look_at_once_start_a_run_once(runs, workers, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    run = jobs.create(runs, "mine", TINY, TEXT)
    monkeypatch.setattr(jobs, "slots", lambda: 4)
    lookers = [threading.Thread(target=jobs.advance, args=(runs,)) for _ in range(12)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    jobs.advance(runs)
    assert len(workers) == 1
    until_state(run, "finished")


def test_a_run_outlives_the_server_that_started_it(runs):
    run = create_run(runs / "mine", replace(TINY, steps=300), TEXT)
    server = (
        "import os, sys, pathlib; from explorer.train import jobs; jobs.advance(pathlib.Path(sys.argv[1])); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", server, str(runs)], cwd=jobs.ROOT, check=False)

    def looked_at() -> bool:
        jobs.advance(runs)
        return run.status.state == "finished"

    until(looked_at, "it has finished, whoever looks")
    assert [row["step"] for row in run.metrics()] == list(range(301))


def test_a_recipe_that_cannot_work_says_why(runs):
    too_long = "block_size=500 needs at least"
    with pytest.raises(ValueError, match=too_long):
        jobs.create(runs, "mine", replace(TINY, model=replace(TINY.model, block_size=500)), TEXT)
    run = create_run(runs / "mine", TINY, TEXT)
    in_recipe(block_size=500)(run.folder)
    jobs.advance(runs)
    until_state(run, "failed")
    assert too_long in run.status.why


def test_a_worker_that_dies_at_once_is_not_started_for_ever(runs, workers, monkeypatch):
    monkeypatch.setattr(workers_module.sys, "executable", "/bin/false")
    run = jobs.create(runs, "mine", TINY, TEXT)
    until_state(run, "failed")
    assert "status 1" in run.status.why
    jobs.advance(runs)
    assert len(workers) == 1


def test_a_folder_without_a_status_is_nobodys_to_start(runs, workers):
    run = create_run(runs / "half-copied", TINY, TEXT)
    (run.folder / "status.json").unlink()
    jobs.advance(runs)
    assert not workers


def test_a_damaged_run_does_not_stand_in_the_way(runs, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    for name in ("torn", "good"):
        jobs.create(runs, name, TINY, TEXT)
    (runs / "torn" / "config.json").write_text("{")
    assert [run.name for run in jobs.live(runs)] == ["good"]


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", "a\\b", ".", "..", "x" * 61, "ab c", "a\n", "ümlaut", "<script>", "a\0"]
)
def test_a_name_is_never_a_path(runs, name):
    with pytest.raises(ValueError, match="cannot name a run"):
        jobs.create(runs, name, TINY, TEXT)
    assert not runs.exists()


def test_a_taken_name_is_refused_with_one_that_is_free(runs, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    jobs.create(runs, "mine", TINY, TEXT)
    with pytest.raises(ValueError, match="'mine-2' is free"):
        jobs.create(runs, "mine", TINY, TEXT)


def test_an_unusable_text_leaves_no_folder(runs):
    with pytest.raises(ValueError, match="nowhere"):
        jobs.create(runs, "mine", replace(TINY, text="nowhere"))
    assert not (runs / "mine").exists()


@settings(max_examples=25)
@given(stem=st.text(min_size=1, max_size=80), taken=st.integers(0, 12))
def test_a_free_name_is_a_good_one(tmp_path_factory, stem, taken):
    runs = tmp_path_factory.mktemp("runs")
    for _ in range(taken):
        (runs / free_name(runs, stem)).mkdir()
    check_name(runs, free_name(runs, stem))


@pytest.mark.parametrize("name", ["CON", "con", "Nul", "aux", "COM1", "lpt9", "-rf", "--help", "-"])
def test_names_that_a_system_or_a_command_reads_otherwise_are_refused(runs, name):
    with pytest.raises(ValueError, match="cannot name a run"):
        check_name(runs, name)
    check_name(runs, free_name(runs, name))


def test_a_waiting_run_that_this_machine_cannot_train_fails_with_the_numbers_and_starts_nothing(runs, workers):
    run = create_run(runs / "giant", TINY, TEXT)
    in_recipe(n_layer=10**9)(run.folder)
    jobs.advance(runs)
    status = load_run(run.folder).status
    assert (
        status.state == "failed"
        and "billion parameters needs" in status.why
        and "TB of memory" in status.why
        and not workers
    )
    small = jobs.create(runs, "small", TINY, TEXT)
    until_state(small, "finished")


@pytest.mark.parametrize("part", ["log.txt", "resume", "snapshots", "stop", "pause", ".lock", ".launch"])
def test_a_waiting_run_that_leads_elsewhere_is_not_started(runs, tmp_path, workers, part):
    run = create_run(runs / "handed-in", TINY, TEXT)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("as it was", encoding="utf-8")
    if (run.folder / part).is_dir():
        (run.folder / part).rmdir()
    (run.folder / part).symlink_to(outside if part in ("resume", "snapshots") else outside / "file")
    for act in (jobs.advance, lambda runs: jobs.stop(run), lambda runs: jobs.pause(run), lambda runs: jobs.resume(run)):
        with suppress(ValueError):
            act(runs)
    assert not workers and [file.name for file in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text(encoding="utf-8") == "as it was"
