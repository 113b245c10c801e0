"""Start the training process of a run, on this machine or on a cluster, and follow it until it holds the run's lock."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from explorer.train import cluster
from gpt import Run
from gpt.train.files import open_regular

ROOT = Path(__file__).resolve().parents[2]
LAUNCHING = ".launch"
POLL = 0.1  # seconds
LOG_END = 10_000  # bytes at the end of a log that are searched for an error message
PATIENCE = 5.0  # seconds to wait for a lock that others hold for milliseconds


def launch(run: Run, then: Callable[[], object]) -> None:
    """Start the training process of a run. then: called after it has ended, where it is a process of this machine."""
    chosen = cluster.settings()
    if chosen:
        return cluster.submit(run, chosen)
    launching = launching_lock(run)
    launching.acquire(timeout=PATIENCE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE", "TQDM_DISABLE": "1"}
    with open_regular(run.folder / "log.txt", "ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "gpt.train", "--resume", str(run.folder.resolve())],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=_watch, args=(run, worker, launching, then), daemon=True).start()


def is_starting(run: Run) -> bool:
    """Whether a worker was started for this run and has not taken its lock yet.

    On this machine it imports torch first; on a cluster its job waits.
    """
    if cluster.is_waiting(run):
        return not run.is_held
    if not (run.folder / LAUNCHING).exists():  # taking the lock would create it
        return False
    try:
        with launching_lock(run).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # as in `Run.is_held`
        return False


def settle(run: Run) -> None:
    """Mark a waiting run as failed if the cluster has ended its job. On this machine, `_watch` does so.

    A run that was resumed after its job died gets another one.
    """
    if cluster.state(run) is not None and not cluster.is_waiting(run):
        if cluster.was_resumed_since(run):
            return cluster.remove_record(run)
        last = _last_line(run)
        _record_death(run, last if last.startswith("error: ") else cluster.failure_reason(run))


def starting_words(run: Run) -> str:
    """Say what a run does that is starting."""
    state = cluster.state(run)
    return "Starting" if state is None or state.startswith(cluster.RUNNING) else "Waiting for the cluster"


def launching_lock(run: Run) -> FileLock:
    """The lock that is held from a worker's start until it has the run's lock."""
    return FileLock(run.folder / LAUNCHING, thread_local=False)  # acquired by a page, released by the watcher


def _watch(run: Run, worker: subprocess.Popen, launching: FileLock, then: Callable[[], object]) -> None:
    """Wait for one worker from its start to its end."""
    while worker.poll() is None and not run.is_held:
        time.sleep(POLL)
    if worker.poll() is not None:
        nothing = f"its training process ended with status {worker.returncode} and no message"
        _record_death(run, _last_line(run) or nothing)
    launching.release()
    worker.wait()
    with suppress(ValueError):  # the next page that starts runs shows the error
        then()


def _record_death(run: Run, why: str) -> None:
    """Mark a run as failed if its worker ended without a status."""
    with suppress(Timeout, OSError), run.lock.acquire(timeout=0):
        if run.status.state == "queued":
            run.set_status("failed", run.status.step, why.removeprefix("error: "))


def _last_line(run: Run) -> str:
    """Return the last line of the run's log; empty where there is none."""
    with suppress(OSError), open_regular(run.folder / "log.txt") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_END))
        lines = file.read(LOG_END).decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""
