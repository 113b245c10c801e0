"""What this machine can do at most: every other figure is read against these."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import torch

SIDE = 1024  # of the square matrices that are multiplied
COPIED = 64 * 2**20  # floats: far more than the caches hold


def seconds(work: Callable[[], object]) -> float:
    """Time one call of `work`."""
    started = perf_counter()
    work()
    return perf_counter() - started


def interleave(rounds: int, works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Time all works in turn, `rounds` times after a first one. Returns the median seconds of each."""
    for work in works.values():
        work()
    times = [{name: seconds(work) for name, work in works.items()} for _ in range(rounds)]
    return {name: median(row[name] for row in times) for name in works}


def matmul_rate(threads: int, rounds: int = 9) -> float:
    """Return float32 operations a second in a product of two matrices (1024, 1024), median of `rounds`."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    a, b, out = (torch.rand(SIDE, SIDE) for _ in range(3))
    torch.mm(a, b, out=out)
    times = [seconds(lambda: torch.mm(a, b, out=out)) for _ in range(rounds)]
    torch.set_num_threads(before)
    return 2 * SIDE**3 / median(times)


def memory_bandwidth(rounds: int = 5) -> float:
    """Return bytes a second that one core reads and writes as it copies 256 MiB, median of `rounds`."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    source, target = torch.ones(COPIED), torch.zeros(COPIED)
    times = [seconds(lambda: target.copy_(source)) for _ in range(rounds)]
    torch.set_num_threads(before)
    return 2 * source.nbytes / median(times)


@dataclass(frozen=True)
class Ceilings:
    """float32 operations a second on one core and on two, bytes a second that one core copies."""

    one_core: float
    two_cores: float
    memory: float


def measure_ceilings() -> Ceilings:
    """Measure what this machine can do at most, now."""
    return Ceilings(matmul_rate(1), matmul_rate(2), memory_bandwidth())
