"""How long a page takes from the click in the menu until its script has ended and the browser has drawn it.

Figures below the window are drawn after that, when the browser is idle.
The yardstick is the change to the first page of Streamlit's own demo, `streamlit hello`, in the same run.
"""

from pathlib import Path
from statistics import median

import pytest
import streamlit.hello
from playwright.sync_api import Browser, Page

from explorer.navigation import ENTRIES, START
from tests.browser.conftest import ROOT, Server, start

HELLO, OTHER = "Hello", "Welcome to Streamlit! 👋"  # its link, and its title
SETTLED = "[data-test-script-state=notRunning] h1"
CALM_MS = 700  # between two changes: charts are drawn after the script has ended
WARM = 2  # later visits
PATIENCE_MS = 90_000
CHANGE = """async ({link, title, patience}) => {
    const links = [...document.querySelectorAll("a[href]")].filter(a => a.textContent.trim().endsWith(link))
    const app = document.querySelector("[data-testid=stApp]"), started = performance.now()
    links[0].click()
    while (performance.now() - started < patience) {
        await new Promise(done => setTimeout(done, 5))
        const here = document.querySelector("h1")?.textContent.trim() === title
        if (here && app.dataset.testScriptState === "notRunning") return performance.now() - started
    }
    throw new Error(`${title} did not settle`)
}"""


@pytest.fixture
def open_server(browser: Browser, tmp_path):
    """open_server(script, path) serves a script and opens a page of it, settled, in a window of 1440 × 900."""
    servers: list[Server] = []

    def open_one(script: Path, path: str) -> Page:
        (tmp_path / str(len(servers))).mkdir()
        servers.append(start(script, tmp_path / str(len(servers))))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{servers[-1].url}/{path}")
        page.locator("h1").wait_for(timeout=PATIENCE_MS)
        return page

    yield open_one
    for server in servers:
        server.stop()


def change(page: Page, link: str, title: str, section: str = "") -> float:
    """Choose a page in the menu. Return the milliseconds until it has settled."""
    if section:
        page.get_by_test_id("stTopNav").get_by_role("button", name=section, exact=True).click()
        page.get_by_role("menuitem", name=link, exact=True).wait_for()
    spent = page.evaluate(CHANGE, {"link": link, "title": title, "patience": PATIENCE_MS})
    page.wait_for_timeout(CALM_MS)
    page.locator(SETTLED).wait_for(timeout=PATIENCE_MS)
    return spent


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_page_changes(open_server, report):
    ours = open_server(ROOT / "explorer" / "app.py", "start")
    hello = open_server(Path(streamlit.hello.__file__).with_name("streamlit_app.py"), "animation_demo")
    ours.wait_for_timeout(4000)  # the server imports torch in the background
    times: dict[str, list[float]] = {}
    theirs: list[float] = []
    for _ in range(1 + WARM):
        for entry in ENTRIES:
            if entry.section != START:
                times.setdefault(entry.title, []).append(change(ours, entry.title, entry.title, entry.section))
        theirs.append(change(hello, HELLO, OTHER))
        hello.get_by_role("link", name="Animation demo").click()  # and leave it while it runs
        hello.wait_for_timeout(CALM_MS)
    yardstick = median(theirs[1:])
    for which, reach, of in (("first visit", "≤ 2 s", lambda t: t[0]), ("again", "≤ 500 ms", lambda t: median(t[1:]))):
        spent = {title: of(each) for title, each in times.items()}
        slowest = max(spent, key=spent.__getitem__)
        here = f"{spent[slowest]:.0f} ms ({slowest}); median page {median(spent.values()):.0f} ms"
        named = f"{yardstick:.0f} ms, the first page of `streamlit hello`"
        report(f"page change → settled, slowest page, {which}", here, named, spent[slowest] / yardstick, reach)
