"""Runs that train as jobs: with submitit's processes on this machine, and with a Slurm that only queues."""

import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from explorer.places import CLUSTER_VARIABLE
from explorer.train import cluster, jobs, workers
from explorer.train.runs import trash
from gpt import create_run, load_run
from gpt.train.loop import train
from tests.explorer.elements import progress_text
from tests.explorer.train.test_jobs import LONG, TEXT, TINY, curve, until, until_state

WHOLE = replace(TINY, steps=400, model=replace(TINY.model, dropout=0.1))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Write the settings of the cluster, and use them."""

    def write(text: str) -> None:
        (tmp_path / "cluster.toml").write_text(text)
        monkeypatch.setenv(CLUSTER_VARIABLE, str(tmp_path / "cluster.toml"))
        cluster._read.cache_clear()

    return write


@pytest.fixture
def on_this_machine(settings, tmp_path):
    """A cluster of one job at a time; its processes end with the test."""
    settings('cluster = "local"\njobs = 1\n[parameters]\ntimeout_min = 5\n')
    yield
    for job in cluster._known.values():
        for pid in (int(job.job_id), *children(job)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    cluster._known.clear()


def children(job) -> list[int]:
    """The processes that train, below the one that submitit starts for the job."""
    file = Path(f"/proc/{job.job_id}/task/{job.job_id}/children")
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def until_state_on_page(run, *states: str) -> None:
    """Wait as a page does, which starts waiting runs each second."""

    def is_reached() -> bool:
        jobs.advance(run.folder.parent)
        return run.status.state in states

    until(is_reached, f"{run.name} is {states}, not {run.status}")


SERVER = (
    "import os, sys, pathlib; from explorer.train import jobs; jobs.advance(pathlib.Path(sys.argv[1])); os._exit(9)"
)


def test_a_job_outlives_its_server_and_another_one_shows_and_stops_it(on_this_machine, runs, open_app):
    run, second = create_run(runs / "mine", LONG, TEXT), create_run(runs / "second", TINY, TEXT)
    subprocess.run([sys.executable, "-c", SERVER, str(runs)], cwd=jobs.ROOT, check=False)
    assert jobs.is_starting(run) and [each.status.state for each in (run, second)] == ["queued", "queued"]
    with pytest.raises(ValueError, match="stop it first"):
        trash.delete(runs, "mine")
    page = open_app(run="mine").switch_page("../pages/train.py").run()
    assert not page.exception
    until(lambda: len(run.metrics()) > 3, "it trains")
    assert "Training" in progress_text(page.run())
    assert len([*(runs / cluster.JOBS).glob("*_submitted.pkl")]) == 1, "the page has started nothing twice"
    assert stat.S_IMODE((runs / cluster.JOBS).stat().st_mode) == 0o700, "a job unpickles what is there"
    jobs.stop(run)
    until_state(run, "stopped")
    until_state_on_page(second, "finished")
    assert "second" in (second.folder / "log.txt").read_text()
    assert not (second.folder / cluster.RECORD).exists() and not jobs.is_starting(second)


def test_a_job_that_runs_out_of_time_or_dies_loses_nothing(on_this_machine, runs):
    """Slurm's SIGUSR2 says that the time is over: the job is queued again. Then it dies, and a person resumes it."""
    run = jobs.create(runs, "mine", WHOLE, TEXT)
    [job] = cluster._known.values()
    until(lambda: len(run.metrics()) > 3, "it trains")
    [first] = children(job)
    os.kill(first, signal.SIGUSR2)
    until(lambda: children(job) not in ([first], []), "submitit has started the job again")
    until(lambda: run.is_held, "it trains again")
    os.kill(children(job)[0], signal.SIGKILL)
    until_state(run, "interrupted")
    jobs.resume(run)
    until_state_on_page(run, "finished")
    whole = create_run(runs.with_name("whole"), WHOLE, TEXT)
    train(whole, torch.device("cpu"))
    assert curve(run) == curve(whole)


def test_a_job_that_dies_before_it_trains_says_why(on_this_machine, runs, monkeypatch):
    monkeypatch.setattr(cluster, "ROOT", Path("/nowhere"))
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.chdir("/")  # the job cannot import the app
    run = jobs.create(runs, "mine", TINY, TEXT)
    until_state_on_page(run, "failed")
    assert "before it trained" in run.status.why and "No module named 'explorer'" in run.status.why


SLURM = {
    "sbatch": 'id=$((4711 + $(ls "$STATES" | wc -l))); echo PENDING > "$STATES/$id"; echo "Submitted batch job $id"',
    "sacct": 'echo "JobID|State|NodeList"; cd "$STATES"; for id in *; do echo "$id|$(cat $id)|None"; done',
    "scancel": 'echo "CANCELLED by 0" > "$STATES/$1"',
    "srun": "exit 1",
}


@pytest.fixture
def slurm(tmp_path, settings, monkeypatch):
    """Slurm's commands, of a cluster whose jobs only wait. The folder has a file with the state of each job."""
    for name, script in SLURM.items():
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    states = tmp_path / "states"
    states.mkdir()
    monkeypatch.setenv("STATES", str(states))
    settings('[parameters]\nslurm_partition = "gpu"\ngpus_per_node = 1\ntimeout_min = 30\n')
    yield states
    cluster._known.clear()


def test_a_job_that_waits_in_slurm_can_be_stopped_and_sent_again(slurm, runs, open_app):
    run = jobs.create(runs, "mine", LONG, TEXT)
    assert run.status.state == "queued", run.status.why
    sheet = (runs / cluster.JOBS / "4711_submission.sh").read_text()
    assert "--partition=gpu" in sheet and "--gpus-per-node=1" in sheet
    page = open_app(run="mine").switch_page("../pages/train.py").run()
    assert "Waiting for the cluster" in progress_text(page)
    jobs.stop(run)
    assert (slurm / "4711").read_text() == "CANCELLED by 0\n"
    assert (run.status.state, run.stop_request.exists()) == ("stopped", False)
    jobs.resume(run)
    assert run.status.state == "queued" and cluster.state(run) == "PENDING"
    (slurm / "4712").write_text("OUT_OF_MEMORY")
    time.sleep(0.01)  # submitit asks at most once in a millisecond
    cluster.refresh_state(run)
    jobs.advance(runs)
    assert run.status.state == "failed" and "job 4712 ended as OUT_OF_MEMORY before it trained" in run.status.why
    jobs.resume(run)
    assert run.status.state == "queued" and cluster.state(run) == "PENDING", "it has another job"


def test_a_copy_of_a_run_has_no_job(slurm, runs):
    run = jobs.create(runs, "mine", LONG, TEXT)
    (runs / "mine").rename(runs / "copy")
    assert cluster.state(run) is None and cluster.state(load_run(runs / "copy")) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("jobs = 0", "jobs = 0: give at least 1"),
        ('cluster = "cloud"', "use one of slurm, local"),
        ("jobs =", "cannot be used"),
        ("partition = 1", "cannot be used"),
    ],
)
def test_bad_settings_are_explained(settings, text, why):
    settings(text)
    with pytest.raises(ValueError, match=why):
        cluster.settings()


def test_a_cluster_that_takes_no_job_fails_the_run(settings, runs):
    settings("[parameters]\nwishes = 3\n")
    run = jobs.create(runs, "mine", TINY, TEXT)
    assert run.status.state == "failed" and "the cluster did not take it" in run.status.why
    assert workers.starting_words(run) == "Starting"
