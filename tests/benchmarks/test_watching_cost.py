"""What watching costs the worker: its speed while the Train page polls each second and draws a head, against nobody
looking.
"""

import shutil
import time
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from gpt import PRESETS, create_run, load_corpus
from tests.browser.conftest import BROWSERS, FLAGS, start

APP = Path(__file__).parents[2] / "explorer" / "app.py"
WINDOW = 8  # seconds
ROUNDS = 6


@pytest.mark.bench
@pytest.mark.timeout(600)
@pytest.mark.parametrize("preset", ["quick", "nanogpt-cpu"])
def test_one_page_that_watches(preset, tmp_path, report):
    run = create_run(
        tmp_path / "runs" / "watched",
        PRESETS[preset].changed(steps=1_000_000, eval_every=1_000_000, snapshots=200),
        load_corpus("tinyshakespeare"),
    )
    server = start(APP, tmp_path)
    watching = f"{server.url}/train?run={run.name}"
    try:
        with sync_playwright() as playwright:
            found = next(filter(None, map(shutil.which, BROWSERS)), None)
            page = playwright.chromium.launch(executable_path=found, args=FLAGS).new_page()
            wait_for(lambda: opened(page, watching), "the page is there")
            wait_for(lambda: run.status.step > 50, "it trains")
            ratios = []
            for _ in range(ROUNDS):
                watched = speed(run)
                page.goto("about:blank")
                alone = speed(run)
                ratios.append(watched / alone)
                opened(page, watching)
    finally:
        run.stop_request.touch()
        server.stop()
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    report(f"{preset}: training while one page watches", spread, "its speed while nobody looks", median(ratios), "")
    assert len(ratios) == ROUNDS


def opened(page, address: str) -> bool:
    try:
        page.goto(address)
        expect(page.get_by_text("tokens/s").first).to_be_visible(timeout=20_000)
    except (AssertionError, Error):
        return False
    return True


def speed(run) -> float:
    """Steps a second over one window, by the logged rows; the first two seconds, in which a page opens or closes,
    are left out.
    """
    time.sleep(2)
    first, began = run.status.step, time.perf_counter()
    time.sleep(WINDOW)
    return (run.status.step - first) / (time.perf_counter() - began)


def wait_for(happened, what: str) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
