"""A training step at the ladder's sizes against the lecture's own script, and beside a process that never rests."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest
import torch

from gpt import PRESETS, create_run, load_run
from gpt.train.estimate import estimate
from gpt.train.loop import Trainer
from tests.benchmarks.lecture_script import lecture_step

ROOT = Path(__file__).parents[2]
STEPS, ROUNDS = 60, 15
WORKER_STEPS = 450
RECIPE = PRESETS["rung-6"].changed(steps=1_000_000, eval_every=1_000_000)


def seconds(step: Callable[[], object], steps: int = STEPS) -> float:
    """Return the seconds of one step, the mean of several."""
    began = perf_counter()
    for _ in range(steps):
        step()
    return (perf_counter() - began) / steps


@pytest.mark.bench
def test_a_step_at_the_ladders_sizes(tmp_path, report):
    torch.set_num_threads(1)
    trainer = Trainer(create_run(tmp_path / "ours", RECIPE), torch.device("cpu"))
    trainer.model.train()
    model, lecture = lecture_step(trainer.objective.train_ids, trainer.run.tokenizer.vocab_size)
    assert sum(p.numel() for p in model.parameters()) == trainer.model.n_params
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        times[0].append(seconds(trainer.advance))
        times[1].append(seconds(lecture))
    ours, theirs = map(median, times)
    ratio = median(their / our for our, their in zip(*times, strict=True))
    report(
        "training step, rung 6 (3 × 4 × 32, block 8, batch 32), one thread",
        f"{1 / ours:.0f} steps/s, {1000 * ours:.1f} ms",
        f"{1 / theirs:.0f} steps/s, the lecture's own script",
        ratio,
        "≥ 3",
        flops=estimate(RECIPE).flops / ours,
    )


@contextmanager
def busy_process():
    """Run a process that never rests inside this context."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.bench
@pytest.mark.timeout(600)
@pytest.mark.parametrize("preset", ["rung-6", "nanogpt-cpu"])
def test_two_threads_beside_a_busy_process(preset, tmp_path, report):
    steps = WORKER_STEPS if preset == "rung-6" else WORKER_STEPS // 15
    ratios, speeds = [], {1: [], 2: []}
    with busy_process():
        for attempt in range(3):
            for threads in speeds:
                speeds[threads].append(worker_speed(tmp_path / f"{threads}-{attempt}", preset, threads, steps))
            ratios.append(speeds[2][-1] / speeds[1][-1])
    report(
        f"{preset} with --threads 2 beside a busy process",
        f"{median(speeds[2]):,.0f} tokens/s",
        f"{median(speeds[1]):,.0f} tokens/s, the default: one thread",
        median(ratios),
        "≥ 1",
    )


def worker_speed(folder: Path, preset: str, threads: int, steps: int) -> float:
    """Train in a process of its own, and return its tokens a second, the median of its rows."""
    environment = {name: value for name, value in os.environ.items() if not re.match(r"OMP_|GOMP_", name)}
    command = [sys.executable, "-m", "gpt.train", "--preset", preset, "--run", folder, "--threads", threads]
    options = [f"steps={steps}", "eval_batches=1", f"eval_every={steps}", "snapshots=1", f"log_every={steps // 10}"]
    command += ["--set", "schedule=constant", *(part for option in options for part in ("--set", option))]
    subprocess.run(list(map(str, command)), env=environment, cwd=ROOT, check=True, capture_output=True)
    return median(row["tokens_per_s"] for row in load_run(folder).metrics() if "tokens_per_s" in row)
