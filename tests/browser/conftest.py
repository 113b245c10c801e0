"""What every browser test uses.

serve(script) -> Server   starts `streamlit run script` on a free port and waits until it answers; once per script and
                          test module. `.url`, `.runs` (a temporary runs folder), `.log()` (what it has printed).
app_server -> Server      the app itself: serve("explorer/app.py"). page -> Page              a fresh tab, 1440 × 900,
light; `page.set_viewport_size` and `page.emulate_media` change that. choose_page(page, title)  opens a page by the menu
(in the header, or in the sidebar of a narrow screen) and waits for its title. settled(page)             waits until the
script behind the page has finished its run, and all figures are drawn.
show(query, width=…)      opens the attention view on the known patterns of attention_script.py.
problems -> list[str]     what went wrong in the page so far; a test that provokes an error reads
it, then clears it.
offline -> Page              a tab without a network, in a dark theme, that fails the test on any error.

A test fails at its end on a console error, an uncaught exception, or a request to another host; a module fails at its
end when its server printed a traceback. Chromium is the system's, or Playwright's own where the system has none.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from explorer.navigation import ENTRIES
from tests.browser.attention import SCRIPT

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
START_TIMEOUT_S = 90
CLOSED_TAB = re.compile(
    r"Exception in ASGI application\n(?:(?!Exception in).)*?"
    r'WebSocketDisconnected: Cannot call "send" once a close message has been sent\.\n',
    re.DOTALL,
)


@dataclass(frozen=True)
class Server:
    url: str
    runs: Path
    log_file: Path
    process: subprocess.Popen

    def log(self) -> str:
        """What the server has printed, without what Streamlit prints if a tab closes while it connects."""
        return CLOSED_TAB.sub("", self.log_file.read_text(errors="replace"))

    def is_healthy(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2).status == 200
        except OSError:
            return False

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def start(script: Path, folder: Path) -> Server:
    """Serve the script; two servers that are given one folder share its runs."""
    return launch([sys.executable, "-m", "streamlit", "run", str(script)], folder)


def launch(program: list[str], folder: Path, cwd: Path = ROOT) -> Server:
    """Start a program that takes Streamlit's options, and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "runs").mkdir(exist_ok=True)
    command = [*program, f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"]
    command += ["--browser.gatherUsageStats=false"]
    environment = {**os.environ, "ATTENTION_EXPLORER_RUNS": str(folder / "runs")}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log, start_new_session=True)
    server = Server(f"http://127.0.0.1:{port}", folder / "runs", folder / "server.log", process)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.is_healthy():
        if process.poll() is not None or time.monotonic() > deadline:
            server.stop()
            pytest.fail(f"{program} did not come up:\n{server.log()}")
        time.sleep(0.1)
    return server


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    servers: dict[Path, Server] = {}

    def start_once(script: str | Path) -> Server:
        script = (ROOT / script).resolve()
        if script not in servers:
            servers[script] = start(script, tmp_path_factory.mktemp("server"))
        return servers[script]

    yield start_once
    for server in servers.values():
        server.stop()
    for server in servers.values():
        assert "Traceback" not in server.log(), server.log()


@pytest.fixture(scope="module")
def app_server(serve) -> Server:
    return serve("explorer/app.py")


@pytest.fixture(scope="session")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def page(browser, problems):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.on("console", lambda m: problems.append(f"console: {m.text} {m.location}") if m.type == "error" else None)
    context.on("weberror", lambda error: problems.append(f"uncaught: {error.error}"))
    context.on("request", lambda r: problems.append(f"request: {r.url}") if is_foreign(r.url) else None)
    yield context.new_page()
    context.close()
    assert not problems, "\n".join(problems)


def is_foreign(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost")


@pytest.fixture
def choose_page():
    def choose(page: Page, title: str) -> None:
        opener = page.get_by_test_id("stExpandSidebarButton")
        top = page.get_by_test_id("stTopNav")
        expect(opener.or_(top).first).to_be_visible(timeout=60_000)
        if opener.is_visible():
            opener.click()
            page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
            page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
        else:
            section = next(entry.section for entry in ENTRIES if entry.title == title)
            if section:
                top.get_by_role("button", name=section, exact=True).click()
            link = (
                page.get_by_role("menuitem", name=title, exact=True) if section else top.get_by_role("link", name=title)
            )
            link.click(no_wait_after=True)
        expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible(timeout=120_000)

    return choose


@pytest.fixture
def settled():
    def wait(page: Page) -> None:
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
        expect(page.locator(".plot[aria-busy]").locator("visible=true")).to_have_count(0, timeout=60_000)

    return wait


@pytest.fixture
def show(serve, page, settled):
    def open_view(query: str = "", **viewport) -> Page:
        if viewport:
            page.set_viewport_size(viewport)
        page.goto(f"{serve(SCRIPT).url}/?{query}")
        settled(page)
        page.locator(".attention[data-layer]:not([data-layer=''])").wait_for()
        return page

    return open_view


@pytest.fixture
def offline(browser):
    """A tab without a network; whatever goes wrong in it fails the test."""
    found: list[str] = []
    context = browser.new_context(offline=True, color_scheme="dark")
    context.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: found.append(str(error.error)))
    context.on("dialog", lambda dialog: (found.append(dialog.message), dialog.dismiss()))
    yield context.new_page()
    context.close()
    assert not found
