"""Drawing tokens on the first page: it streams, stops, is looked into, and becomes the prompt."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

SLOW = 60_000  # ms; how long a loaded machine may take


@pytest.fixture
def drawn(app_server, page: Page):
    """The first page with a prompt, its picture drawn, and the text that generation writes."""
    page.goto(f"{app_server.url}/?prompt=ROMEO%3A%0A")
    expect(page.locator(".st-key-next-token-bars .js-plotly-plot")).to_be_visible(timeout=SLOW)
    return page.get_by_test_id("stCode").locator("code")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def prompt(page: Page):
    return page.get_by_label("Prompt", exact=True)


def test_next_token_draws_one_after_another(page, drawn):
    for count in (1, 2, 3):
        press(page, "Next token")
        expect(drawn).to_have_text(re.compile(rf"^.{{{count}}}$", re.DOTALL), timeout=SLOW)


def test_generation_streams_and_stops_and_loses_nothing(page, drawn):
    page.get_by_role("spinbutton", name="Tokens").fill("1000")
    page.get_by_role("spinbutton", name="Tokens").press("Enter")
    press(page, "Generate")
    expect(drawn).to_have_text(re.compile(r".{4,}", re.DOTALL), timeout=SLOW)
    press(page, "Stop")
    slider = page.get_by_role("slider")
    expect(slider).to_be_enabled(timeout=SLOW)
    page.wait_for_timeout(1500)
    assert 4 <= int(slider.input_value()) < 1000


def test_what_was_drawn_becomes_the_prompt_and_the_link(page, drawn):
    press(page, "Next token")
    expect(drawn).to_have_text(re.compile(r"^.$", re.DOTALL), timeout=SLOW)
    press(page, "Append to the prompt")
    expect(prompt(page)).to_have_value(re.compile(r"^ROMEO:\n.$", re.DOTALL), timeout=SLOW)
    assert parse_qs(urlsplit(page.url).query)["prompt"] == [prompt(page).input_value()]


def test_a_tokens_own_distribution_can_be_looked_at(page, drawn):
    for count in (1, 2):
        press(page, "Next token")
        expect(drawn).to_have_text(re.compile(rf"^.{{{count}}}$", re.DOTALL), timeout=SLOW)
    caption = page.get_by_text("was sampled with probability")
    newest = caption.inner_text()
    page.get_by_role("slider").press("ArrowLeft")
    expect(caption).not_to_have_text(newest, timeout=SLOW)
