"""The table that `make bench` prints, and a real browser for what is measured in one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page

from tests.benchmarks.machine import Ceilings, measure_ceilings
from tests.browser.conftest import browser, start

__all__ = ["browse", "browser"]
SCRIPTS = Path(__file__).parents[1] / "browser"
ROWS = pytest.StashKey[list["Row"]]()


@dataclass(frozen=True)
class Row:
    """One figure of the table, in words, and its ratio to the yardstick of the same run.

    flops: float32 operations a second, copied: bytes a second, where one of them says how far the ceiling is.
    """

    what: str
    ours: str
    yardstick: str
    ratio: float | None
    reach: str
    flops: float | None = None
    copied: float | None = None

    def cells(self, ceilings: Ceilings) -> tuple[str, ...]:
        ratio = "–" if self.ratio is None else f"{self.ratio:.2f} ×"
        share = "–"
        if self.flops:
            share = f"{self.flops / ceilings.one_core:.0%} of the operations"
        elif self.copied:
            share = f"{self.copied / ceilings.memory:.0%} of the bandwidth"
        return self.what, self.ours, self.yardstick or "–", ratio, self.reach or "–", share


@pytest.fixture
def report(request) -> Callable[..., None]:
    """report(what, ours, yardstick, ratio, reach, flops=…, copied=…) adds a row to the table."""
    rows = request.config.stash.setdefault(ROWS, [])
    return lambda *cells, **rates: rows.append(Row(*cells, **rates))


def pytest_terminal_summary(terminalreporter, config) -> None:
    """Print the table in Markdown, below what this machine can do at most."""
    rows = config.stash.get(ROWS, [])
    if not rows:
        return
    ceilings = measure_ceilings()
    terminalreporter.section("benchmarks")
    terminalreporter.write_line(
        f"This machine: float32 matrix products {ceilings.one_core / 1e9:.0f} GFLOP/s on one core, "
        f"{ceilings.two_cores / 1e9:.0f} on two; one core copies {ceilings.memory / 1e9:.1f} GB/s (read and written).\n"
    )
    terminalreporter.write_line("| what | here | yardstick, same run | ratio | reach | of the ceiling of one core |")
    terminalreporter.write_line("|---|---|---|---|---|---|")
    for row in rows:
        terminalreporter.write_line(f"| {' | '.join(row.cells(ceilings))} |")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread, and no gradients."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield
    torch.set_num_threads(before)


@pytest.fixture
def received() -> list[int]:
    """The bytes of every message that the page of `browse` has got."""
    return []


@pytest.fixture
def browse(browser, tmp_path, received) -> Callable[[str, str], Page]:
    """browse(script, query) serves a script of tests/browser and opens it in a window of 1440 × 900."""
    servers = []

    def open_page(script: str, query: str) -> Page:
        servers.append(start(SCRIPTS / script, tmp_path))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
        page.goto(f"{servers[-1].url}/?{query}")
        return page

    yield open_page
    for server in servers:
        server.stop()
