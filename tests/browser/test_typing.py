"""The page follows the keys: a prompt needs no Enter, and keeps its focus, its caret and its history."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

SLOW = 60_000  # ms; how long a loaded machine may take
CARET = "box => [document.activeElement === box, box.selectionStart]"


@pytest.fixture
def open_script(serve, page, settled):
    """open_script(query) opens the page of typing_script.py."""

    def open_page(query: str = "") -> Page:
        page.goto(f"{serve('tests/browser/typing_script.py').url}/?{query}")
        expect(page.get_by_text("runs: 1", exact=True)).to_be_visible(timeout=SLOW)
        settled(page)
        return page

    return open_page


def prompt(page: Page):
    return page.get_by_role("textbox", name="Prompt", exact=True)


def type_at_the_end(page: Page, text: str, delay: int = 0) -> None:
    prompt(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(text, delay=delay)


def expect_read(page: Page, text: str) -> None:
    expect(page.get_by_text(f"read: {text}", exact=True)).to_be_visible(timeout=SLOW)


def address(page: Page) -> list[str]:
    return parse_qs(urlsplit(page.url).query)["prompt"]


def test_a_typed_prompt_is_painted_without_enter(app_server, page, settled):
    page.goto(f"{app_server.url}/?model=shakespeare-char&prompt=Hear+me")
    cells = page.locator(".lines canvas")
    expect(cells).to_be_visible(timeout=SLOW)
    settled(page)
    before = cells.screenshot()
    type_at_the_end(page, " speak", delay=30)
    expect(page.get_by_text("13 tokens.", exact=True)).to_be_visible(timeout=SLOW)
    settled(page)
    assert cells.screenshot() != before
    assert address(page) == ["Hear me speak"]
    assert prompt(page).evaluate(CARET) == [True, len("Hear me speak")]


def test_what_is_typed_during_a_run_is_read_after_it(open_script):
    page = open_script("seconds=0.3")
    text = ", what light through yonder window breaks?"
    type_at_the_end(page, text, delay=50)
    expect_read(page, f"Hello{text}")
    runs = int(page.get_by_text("runs: ").inner_text().removeprefix("runs: "))
    assert 2 <= runs < len(text) / 2, "one run for several keys"
    expect(prompt(page)).to_have_value(f"Hello{text}")
    assert address(page) == [f"Hello{text}"]


def test_the_caret_stays_in_the_middle_and_undo_takes_a_key_back(open_script):
    page = open_script()
    prompt(page).focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("X")
    expect_read(page, "HXello")
    assert prompt(page).evaluate(CARET) == [True, 2]
    page.keyboard.press("Control+z")
    expect_read(page, "Hello")
    assert prompt(page).evaluate(CARET) == [True, 1]


def test_back_leads_to_the_text_before_the_typing(open_script, settled):
    page = open_script("prompt=Hello")
    for word in (" my", " good", " friends"):
        type_at_the_end(page, word)
        expect_read(page, f"{prompt(page).input_value()}")
        settled(page)
    page.go_back()
    expect_read(page, "Hello")
    expect(prompt(page)).to_have_value("Hello")


def test_a_character_that_is_being_composed_is_not_applied(open_script):
    page = open_script()
    prompt(page).focus()
    page.keyboard.press("Control+End")
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "に", "selectionStart": 1, "selectionEnd": 1})
    expect(prompt(page)).to_have_value("Helloに")
    page.wait_for_timeout(600)
    expect_read(page, "Hello")
    keyboard.send("Input.insertText", {"text": "日"})
    expect_read(page, "Hello日")
    expect(prompt(page)).to_have_value("Hello日")


def test_a_page_that_takes_longer_than_a_second_waits_for_enter(open_script, settled):
    page = open_script("seconds=1.1")
    for count in range(1, 4):
        type_at_the_end(page, "!")
        expect_read(page, f"Hello{count * '!'}")
        settled(page)
    type_at_the_end(page, "?")
    page.wait_for_timeout(1000)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect_read(page, "Hello!!!")
    page.keyboard.press("Enter")
    expect_read(page, "Hello!!!?")
    expect(page.get_by_text(re.compile("^runs: 5$"))).to_be_visible(timeout=SLOW)
