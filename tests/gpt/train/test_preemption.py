"""A cluster takes machines away: real processes get SIGTERM or SIGKILL, and the run is the one of a quiet machine."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

from gpt import PRESETS, create_run, load_run
from gpt.train.loop import train
from tests.gpt.train.test_ranks import ROOT, SWITCHES, same_curve, torchrun
from tests.gpt.train.test_resume import assert_same

CPU = torch.device("cpu")
CHANGES = {"steps": 400, "eval_every": 100, "eval_batches": 2, "log_every": 1, "snapshots": 2, "dropout": 0.1}
LOST = """
import os, signal, sys
from gpt.train import __main__ as command, loop
rank, restarts = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
advance = loop.Trainer.advance
def advance_or_die(trainer):
    if rank == 1 - restarts and trainer.step == 40:
        os.kill(os.getpid(), signal.SIGKILL)
    if restarts and not trainer.batch:
        os.write(1, f"goes on at step {trainer.step}\\n".encode())
    return advance(trainer)
loop.Trainer.advance = advance_or_die
sys.exit(command.main())
"""


def start(folder: Path, restarts: int) -> subprocess.Popen:
    """The command of a Slurm job, as Slurm starts it for the first time, or again."""
    switches = [word for name, value in CHANGES.items() for word in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "gpt.train", "--preset", "rung-6", "--text", "repeats", "--run", folder, *switches]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SLURM_RESTART_COUNT": str(restarts)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*map(str, command), "--device", "cpu"], cwd=ROOT, env=environment, **pipes)


def rows(folder: Path) -> int:
    metrics = folder / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def test_a_job_that_is_ended_and_requeued_is_the_uninterrupted_one(tmp_path):
    """SIGTERM comes at a random moment; the same command, started again, goes on with its run."""
    whole = create_run(tmp_path / "whole", PRESETS["rung-6"].changed(text="repeats", **CHANGES))
    train(whole, CPU)
    ended = tmp_path / "ended"
    job, wanted = start(ended, restarts=0), random.randint(2, 300)
    while rows(ended) < wanted:
        assert job.poll() is None, job.communicate()
        time.sleep(random.uniform(0, 0.02))
    job.send_signal(signal.SIGTERM)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 128 + signal.SIGTERM and f"--resume {ended}" in errors
    status = load_run(ended).status
    assert (status.state, status.why) == ("stopped", "ended by SIGTERM; it can be resumed") and status.step < 400
    last = start(ended, restarts=1)
    output, errors = last.communicate(timeout=120)
    assert last.returncode == 0 and "finished at step 400" in output, errors
    assert_same(whole, load_run(ended))


def test_torchrun_goes_on_from_the_last_snapshot_when_a_process_is_lost(tmp_path):
    """Rank 1, which only computes, is killed first; after the restart rank 0, which writes the run."""
    recipe = PRESETS["rung-6"].changed(**SWITCHES)
    single = create_run(tmp_path / "single", recipe)
    train(single, CPU)
    (tmp_path / "losing.py").write_text(LOST)
    switches = [word for name, value in SWITCHES.items() if name != "text" for word in ("--set", f"{name}={value}")]
    making = ["--preset", "rung-6", "--text", "repeats", *switches, "--folder", tmp_path / "two", "--device", "cpu"]
    done = torchrun("--max-restarts", "2", tmp_path / "losing.py", *making)
    assert done.returncode == 0, done.stderr
    newest = max(step for step in single.steps if step <= 40)
    assert done.stdout.count(f"goes on at step {newest}") == 4, "two processes, twice"
    assert "finished at step 52" in done.stdout
    same_curve(load_run(tmp_path / "two"), single)
