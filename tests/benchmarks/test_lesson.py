"""A lesson: thirty people type prompts for ten minutes while three runs train."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median, quantiles

import pytest

from gpt import PRESETS, Corpus, create_run
from tests.benchmarks.test_many_sessions import PROMPT, Typist
from tests.browser.conftest import ROOT, start

PEOPLE, TRAININGS = 30, 3
SECONDS = 600
THINKING = (5.0, 15.0)  # seconds between the prompts of a person
LONGEST = 3.0  # seconds from a prompt to its picture, for 95 of 100 prompts
GROWTH = 1.15  # of the server's memory in the second half
TEXT = Corpus("own", 400 * "First Citizen: Before we proceed any further, hear me speak.\n", "made for a test")


@dataclass(frozen=True)
class Lesson:
    """What a lesson was like: seconds from each prompt to its picture, and the server's memory, in bytes, over time."""

    pictures: list[float]
    memory: list[int]
    log: str
    steps: list[int]  # that each run has trained


def memory_of(process: int) -> int:
    """Return the memory of a process in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def type_prompts(url: str, until: float, who: int) -> list[float]:
    """Type prompts until the lesson ends, with time to think between them. Returns seconds until each picture."""
    chance, session, pictures = Random(who), Typist(url), []
    while time.monotonic() < until:
        time.sleep(chance.uniform(*THINKING))
        pictures.append(session.type(f"{who} {len(pictures)} {PROMPT}"[:240])[0])
    return pictures


def hold_lesson(folder: Path, seconds: float) -> Lesson:
    """Let all people type for so many seconds while the runs train."""
    server = start(ROOT / "explorer" / "app.py", folder)
    recipe = PRESETS["rung-3"].changed(steps=10_000_000, eval_batches=1)
    runs = [create_run(server.runs / f"run-{number}", recipe, TEXT) for number in range(TRAININGS)]
    command = [sys.executable, "-m", "gpt.train", "--device", "cpu", "--resume"]
    quiet = {
        "cwd": ROOT,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "env": os.environ | {"OMP_NUM_THREADS": "1"},
    }
    workers = [subprocess.Popen([*command, str(run.folder)], **quiet) for run in runs]
    memory: list[int] = []
    try:
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(PEOPLE) as pool:
            people = [pool.submit(type_prompts, server.url, until, who) for who in range(PEOPLE)]
            while time.monotonic() < until:
                time.sleep(seconds / 20)
                memory.append(memory_of(server.process.pid))
            pictures = [each for person in people for each in person.result()]
        return Lesson(pictures, memory, server.log(), [run.status.step for run in runs])
    finally:
        for run in runs:
            run.stop_request.touch()
        server.stop()
        for worker in workers:
            worker.wait()


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 600)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not say what memory a process has")
def test_thirty_people_and_three_trainings(tmp_path, capsys):
    lesson = hold_lesson(tmp_path, SECONDS)
    p95, half = quantiles(lesson.pictures, n=20)[-1], len(lesson.memory) // 2
    with capsys.disabled():
        print(
            f"\n{len(lesson.pictures)} prompts of {PEOPLE} people: picture after {median(lesson.pictures):.2f} s, p95 "
            f"{p95:.2f} s; memory {lesson.memory[half] / 1e9:.2f} GB at half time, {lesson.memory[-1] / 1e9:.2f} GB at "
            f"the end; the runs reached step {', '.join(f'{step:,}' for step in lesson.steps)}"
        )
    assert "Traceback" not in lesson.log and min(lesson.pictures) > 0 and min(lesson.steps) > 0
    assert lesson.memory[-1] < GROWTH * lesson.memory[half]
    assert p95 <= LONGEST
