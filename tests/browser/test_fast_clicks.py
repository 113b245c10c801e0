"""A second click that comes before the browser has the new page starts no second run."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

LONG = 120_000  # ms


class Line:
    """The connection of a page to its server.

    While it is held, the browser hears nothing, and the server hears each click.
    """

    def __init__(self, page: Page) -> None:
        self.held: list | None = None
        page.route_web_socket("**/_stcore/stream", self._connect)

    def hold(self) -> None:
        self.held = []

    def release(self) -> None:
        for message in self.held:
            self.browser.send(message)
        self.held = None

    def _connect(self, browser: WebSocketRoute) -> None:
        self.browser = browser
        browser.connect_to_server().on_message(self._pass_on)

    def _pass_on(self, message: str | bytes) -> None:
        self.browser.send(message) if self.held is None else self.held.append(message)


@pytest.fixture
def impatient(page: Page, app_server, problems) -> Iterator[Page]:
    page.set_default_timeout(LONG)
    yield page
    for run in filter(lambda entry: entry.is_dir(), app_server.runs.glob("[!.]*")):
        (run / "stop").touch()
    problems[:] = [problem for problem in problems if "/_stcore/" not in problem]


@pytest.mark.parametrize(
    ("address", "label", "runs"),
    [("train", "Start", ["quick"]), ("race", "Start the race", [f"race-1-rung-{rung}" for rung in range(1, 6)])],
)
def test_a_second_click_on_a_form_that_is_not_drawn_again_starts_nothing(
    impatient, app_server, settled, address, label, runs
):
    line, before = Line(impatient), set(app_server.runs.glob("[!.]*"))
    impatient.goto(f"{app_server.url}/{address}")
    button = impatient.get_by_role("button", name=label, exact=True)
    expect(button).to_be_enabled(timeout=LONG)
    settled(impatient)
    line.hold()
    button.click()
    while not (app_server.runs / runs[-1]).exists():
        impatient.wait_for_timeout(50)
    heard = len(line.held)
    button.click()
    while len(line.held) == heard:
        impatient.wait_for_timeout(50)
    impatient.wait_for_timeout(1500)
    line.release()
    settled(impatient)
    assert {run.name for run in set(app_server.runs.glob("[!.]*")) - before} == set(runs)
