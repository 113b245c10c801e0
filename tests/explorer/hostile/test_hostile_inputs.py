"""Hostile inputs on every way in: no traceback, no wait, no heap of memory, nothing written outside of the runs folder.

`make soak` tries 500; a few are tried each time. An input is drawn from its number, so a fault can be drawn again.
"""

import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from random import Random

import pytest
import torch

from gpt import export_pretrained, load_run
from gpt.train.__main__ import WAITING
from tests.explorer.hostile.surfaces import SURFACES, Place
from tests.gpt.checkpoints.gguf_files import write_tiny

INPUTS, FEW = 500, 21
LONGEST = 2.0  # seconds
MOST_MEMORY = 2e9  # bytes
MEMORY = Path("/proc/self/status")


@pytest.fixture
def place(trained, runs, tmp_path, open_app, nothing_starts, monkeypatch) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(WAITING, "PASSIVE")  # the command does not start itself again
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "elsewhere.txt").write_text(200 * "Somebody else's. ", encoding="utf-8")
    (tmp_path / "models").mkdir()
    export_pretrained(load_run(trained / "tiny"), tmp_path / "models" / "folder")
    gguf = write_tiny(tmp_path / "models" / "tiny.gguf", layers=1)
    torch.set_num_threads(1)
    return Place(runs, tmp_path / "models" / "folder", gguf, open_app)


def outside(runs: Path) -> dict[str, tuple[int, int]]:
    """Every file beside the runs folder: path → size and time."""
    files = (path for path in runs.parent.rglob("*") if path.is_file() and not path.is_relative_to(runs))
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def try_input(number: int, place: Place, trained: Path) -> tuple[str, str, float, str]:
    """Return surface, input, seconds, and the fault, empty where there is none."""
    shutil.rmtree(place.runs)
    shutil.copytree(trained, place.runs)
    surface, draw = [*SURFACES][number % len(SURFACES)], Random(number)
    what, action = SURFACES[surface](draw, place)
    before, started, fault = outside(place.runs), time.perf_counter(), ""
    try:
        action()
    except ValueError as error:
        fault = "" if str(error) else "a ValueError without a message"
    except (Exception, SystemExit) as error:
        fault = f"{type(error).__name__}: {str(error)[-600:]}"
    seconds = time.perf_counter() - started
    changed = {path for path, _ in before.items() ^ outside(place.runs).items()}
    return surface, what, seconds, fault or (f"it wrote {changed}" if changed else "")


def try_inputs(count: int, place: Place, trained: Path) -> tuple[dict[str, list[float]], list[str]]:
    """Return the seconds of each surface's inputs, and all faults."""
    times, faults = defaultdict(list), []
    for number in range(count):
        surface, what, seconds, fault = try_input(number, place, trained)
        for _ in range(2 if seconds > LONGEST else 0):  # a busy machine is no hang: the fastest of three tries counts
            seconds = min(seconds, try_input(number, place, trained)[2])
        times[surface].append(seconds)
        if fault:
            faults.append(f"input {number}, {surface}: {what[:300]}: {fault}")
    return times, faults


def memory(kind: str) -> int:
    """Return bytes of this process. kind: "VmSize" for its addresses, "VmHWM" for the most memory that it has had."""
    line = next(line for line in MEMORY.read_text().splitlines() if line.startswith(kind))
    return 1024 * int(line.split()[1])


@pytest.fixture
def bounded():
    """Refuse more memory, so that an input that asks for all of it fails, and this machine goes on."""
    resource = pytest.importorskip("resource", reason="this system cannot limit memory")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + 2 * int(MOST_MEMORY), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_few_hostile_inputs_do_no_harm(place, trained):
    _, faults = try_inputs(FEW, place, trained)
    assert not faults, "\n".join(faults)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not MEMORY.exists(), reason="this system does not say how much memory a process has had")
def test_hostile_inputs_do_no_harm(place, trained, bounded, capsys):
    try_inputs(len(SURFACES), place, trained)  # what is imported at first use is no hang
    times, faults = try_inputs(INPUTS, place, trained)
    slow = sum(each > LONGEST for taken in times.values() for each in taken)
    with capsys.disabled():
        print(f"\n{'inputs':>6}  {'longest':>9}  on")
        for surface, taken in times.items():
            print(f"{len(taken):6}  {max(taken):7.2f} s  {surface}")
        print(f"{len(faults)} faults, {slow} longer than {LONGEST} s, at most {memory('VmHWM') / 1e9:.2f} GB of memory")
    assert not faults and not slow, "\n".join(faults)
    assert memory("VmHWM") < MOST_MEMORY
