"""Two real processes, as torchrun starts them, against this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gpt import PRESETS, create_run, load_run
from gpt.train.loop import train
from gpt.train.ranks import check_parts

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
SWITCHES = {
    "text": "repeats", "steps": 52, "eval_every": 26, "eval_batches": 2, "log_every": 1, "snapshots": 3,
    "optimizer": "muon",
    "grad_clip": 1.0,
}  # fmt: skip
STOPPING = """
import sys
from gpt.train import __main__ as command, loop
log = loop.Trainer.log
def log_and_ask(trainer, row):
    log(trainer, row)
    if row["step"] == 20:
        trainer.run.stop_request.touch()  # as a person would who watches
loop.Trainer.log = log_and_ask
sys.exit(command.main())
"""


def torchrun(*what: str | Path, processes: int = 2) -> subprocess.CompletedProcess:
    """Processes of a module or script with its arguments."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(processes),
        *map(str, what),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    run = create_run(tmp_path_factory.mktemp("runs") / "single", PRESETS["rung-6"].changed(**SWITCHES))
    train(run, CPU)
    return run


def same_curve(run, other) -> None:
    for name in ("train_loss", "val_loss"):
        mine, theirs = ([row[name] for row in each.metrics() if name in row] for each in (run, other))
        assert mine == pytest.approx(theirs, abs=1e-4) and len(mine) == {"train_loss": 52, "val_loss": 3}[name]


def test_two_processes_write_the_run_that_one_writes(single, tmp_path):
    switches = [word for name, value in SWITCHES.items() if name != "text" for word in ("--set", f"{name}={value}")]
    making = ["--preset", "rung-6", "--text", "repeats", *switches, "--folder", tmp_path / "two"]
    done = torchrun("-m", "gpt.train", *making, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished at step 52") == 1 and "Traceback" not in done.stderr
    two = load_run(tmp_path / "two")
    same_curve(two, single)
    assert two.recipe == single.recipe and two.steps == single.steps == [row["step"] for row in two.samples()]


def test_a_stop_ends_all_processes_and_one_goes_on_in_smaller_parts(single, tmp_path):
    (tmp_path / "stopping.py").write_text(STOPPING)
    run = create_run(tmp_path / "mixed", single.recipe)
    done = torchrun(tmp_path / "stopping.py", "--resume", run.folder, "--device", "cpu", "--accumulate", "3")
    assert done.returncode == 0 and (run.status.state, run.status.step) == ("stopped", 21), done.stderr
    train(load_run(run.folder), CPU, micro_batches=5)  # parts of 6 and 7 chunks
    same_curve(run, single)


def test_more_parts_than_chunks_are_refused(new_run):
    run = new_run()
    with pytest.raises(ValueError, match="a batch of 4 cannot be shared by 1 processes in 5 parts each"):
        train(run, CPU, micro_batches=5)


def test_more_processes_than_chunks_leave_no_folder(tmp_path):
    making = [
        "--preset",
        "rung-2",
        "--text",
        "repeats",
        "--set",
        "batch_size=2",
        "--folder",
        tmp_path / "three",
        "--device",
        "cpu",
    ]
    done = torchrun("-m", "gpt.train", *making, processes=3)
    assert (
        done.returncode != 0
        and done.stderr.count("error: a batch of 2 cannot be shared by 3 processes in 1 parts each") == 1
    )
    assert list(tmp_path.iterdir()) == []


def test_batchnorm_is_refused_in_parts(new_run):
    """Each part would have its own statistics: in four parts the loss of nanoGPT's recipe went from 4.07 to 3.67."""
    run = new_run(norm="batch")
    with pytest.raises(
        ValueError, match="norm='batch' cannot train in 2 parts: each would have its own batch statistics"
    ):
        train(run, CPU, micro_batches=2)
    with pytest.raises(ValueError, match="in 4 parts"):
        check_parts(run.recipe, world_size=4, micro_batches=1)
    train(run, CPU)
    assert run.status.state == "finished"
