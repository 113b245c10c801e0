"""From the start of the server to the first painted heatmap, in a browser that has never been here.

The yardstick is what no app of this kind can be faster than: Streamlit's own first page, plus `import torch`.
"""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest
import streamlit.hello
from playwright.sync_api import Browser

from tests.browser.conftest import ROOT, start

ROUNDS = 3
HEATMAP = ".attention[data-layer]:not([data-layer='']) canvas"
PATIENCE_MS = 120_000


def seconds_to(browser: Browser, script: Path, painted: str, folder: Path) -> float:
    """Start a server, open its first page, and return the seconds until the element `painted` is visible."""
    folder.mkdir()
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, started = context.new_page(), time.perf_counter()
    server = start(script, folder)
    try:
        page.goto(server.url, wait_until="commit")
        page.locator(painted).locator("visible=true").first.wait_for(timeout=PATIENCE_MS)
        return time.perf_counter() - started
    finally:
        context.close()
        server.stop()


def seconds_to_import_torch() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - started


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_cold_start(browser, tmp_path, report):
    hello = Path(streamlit.hello.__file__).with_name("streamlit_app.py")
    ours, pages, imports = [], [], []
    for number in range(ROUNDS):
        imports.append(seconds_to_import_torch())
        pages.append(seconds_to(browser, hello, "h1", tmp_path / f"hello-{number}"))
        ours.append(seconds_to(browser, ROOT / "explorer" / "app.py", HEATMAP, tmp_path / f"ours-{number}"))
    least = median(imports) + median(pages)
    named = f"{least:.1f} s: `import torch` {median(imports):.1f} s + Streamlit's hello page {median(pages):.1f} s"
    report("cold start → first painted heatmap", f"{median(ours):.1f} s", named, median(ours) / least, "≤ 1.3 ×")
