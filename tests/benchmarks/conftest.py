"""A real browser for what is measured in one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import BROWSERS, FLAGS, start

SCRIPTS = Path(__file__).parents[1] / "browser"


@pytest.fixture
def browse(tmp_path) -> Callable[[str, str], Page]:
    """browse(script, query) serves a script of tests/browser and opens it in a window of 1440 × 900."""
    servers = []
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS)

        def open_page(script: str, query: str) -> Page:
            servers.append(start(SCRIPTS / script, tmp_path))
            page = chromium.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{servers[-1].url}/?{query}")
            return page

        yield open_page
        chromium.close()
    for server in servers:
        server.stop()
