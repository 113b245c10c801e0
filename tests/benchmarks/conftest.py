"""A real browser for what is measured in one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import browser, start

__all__ = ["browse", "browser"]
SCRIPTS = Path(__file__).parents[1] / "browser"


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
