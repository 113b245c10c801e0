"""How long each page takes on a fresh server, and again: until its first picture is drawn, and until its script has
ended.
"""

import time

import pytest
from playwright.sync_api import Browser

from explorer.navigation import ENTRIES, FIRST
from tests.browser.conftest import ROOT, start

PICTURE = ".stMain :is(canvas, .js-plotly-plot .main-svg, [role=img], [data-testid=stCode], table)"
ENDED = "[data-test-script-state=notRunning] h1"
PATIENCE_MS = 120_000


def visit(browser: Browser, url: str) -> tuple[float, float]:
    """Seconds to the first picture and to the end of the script, in a browser that has never been here; alike
    without a picture.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator(PICTURE).or_(page.locator(ENDED)).locator("visible=true").first.wait_for(timeout=PATIENCE_MS)
    drawn = time.perf_counter() - started
    page.locator(ENDED).wait_for(timeout=PATIENCE_MS)
    settled = time.perf_counter() - started
    context.close()
    return drawn, settled


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_first_paint_of_every_page(browser, tmp_path, capsys):
    with capsys.disabled():
        print("\nseconds to the first picture and to the end:    first visit     again")
    for entry in ENTRIES:
        server = start(ROOT / "explorer" / "app.py", tmp_path)
        try:
            url = f"{server.url}/{'' if entry.file == FIRST else entry.file.removesuffix('.py')}"
            times = [*visit(browser, url), *visit(browser, url)]
        finally:
            server.stop()
        with capsys.disabled():
            print(f"{entry.title:44}", *(f"{spent:6.1f}" for spent in times), flush=True)
