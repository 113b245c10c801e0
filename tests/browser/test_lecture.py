"""Every page of the lecture in a real browser: it draws, answers a click, and fits the screen, wide and narrow,
light and dark.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from explorer.figures.style import CONTRAST, INKS, PAGE, contrast
from explorer.navigation import ENTRIES

PAGES = [entry.title for entry in ENTRIES if entry.section == "Lecture"]
READY = 120_000  # ms: torch is still to be imported, perhaps on a busy machine
TOUCHED = (r"^Guess$", r"^Next", r"For a class")  # the first of these that a page has
WRONG = "[data-testid=stException], [data-testid=stAlertContentError]"
BEYOND = """() => [...document.querySelectorAll('html, [data-testid=stMain]')]
    .map(each => each.scrollWidth - each.clientWidth).filter(more => more > 0)"""
TEXT_COLOURS = """() => [...new Set([...document.querySelectorAll('.js-plotly-plot text:not(.bartext)')]
    .map(text => getComputedStyle(text).fill))].map(fill => fill.match(/[0-9.]+/g).slice(0, 3).map(Number))"""


def touch(page: Page) -> None:
    """Use the first control that the page has of those that change it."""
    main = page.get_by_test_id("stMain")
    for name in TOUCHED:
        control = main.get_by_role("button", name=re.compile(name), disabled=False).first
        if control.count():
            return control.click()
    pytest.fail("there is nothing to touch")


def wait_until_fitting(page: Page, where: str) -> None:
    """Nothing reaches beyond the screen, once the figures have their sizes."""
    for _ in range(25):
        if not page.evaluate(BEYOND):
            return
        page.wait_for_timeout(200)
    pytest.fail(f"{where} is {page.evaluate(BEYOND)} pixels wider than the screen")


def wait_until_readable(page: Page, where: str, dark: bool) -> None:
    """Text of a figure is either a cell's own ink or readable on the page, once the figure has the page's theme."""
    own, ground = [list(bytes.fromhex(ink[1:])) for ink in INKS], list(bytes.fromhex(PAGE[dark][1:]))
    for attempt in range(100):
        pale = [ink for ink in page.evaluate(TEXT_COLOURS) if ink not in own and contrast(ink, ground) < CONTRAST]
        if not pale:
            return
        if attempt == 50:  # Streamlit misses a change of theme while it draws a figure
            page.reload()
        page.wait_for_timeout(200)
    pytest.fail(f"{where}: text of a figure in {pale} is hard to read")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_walk_through_the_lecture(page: Page, app_server, choose_page, settled, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.goto(app_server.url)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=READY)
    for title in PAGES:
        choose_page(page, title)
        settled(page)
        touch(page)
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            settled(page)
            assert not page.locator(WRONG).all_inner_texts(), f"{title}, {theme}"
            wait_until_fitting(page, f"{title}, {theme}")
            wait_until_readable(page, f"{title}, {theme}", dark=theme == "dark")


def test_a_prompt_is_continued_token_by_token_with_the_keys(page: Page, app_server, choose_page, settled):
    page.goto(f"{app_server.url}/?prompt=ROMEO%3A%0A&hide=guess,code")
    choose_page(page, "One token at a time")
    written = page.get_by_test_id("stMain").get_by_test_id("stCode").locator("code").first
    expect(written).to_have_text("ROMEO:\n", timeout=READY)
    settled(page)
    for count in (1, 2):
        page.keyboard.press("ArrowRight")
        expect(written).to_have_text(re.compile(rf"^ROMEO:\n.{{{count}}}$", re.DOTALL), timeout=READY)
    expect(page.get_by_text("Token 2:")).to_be_visible()
    page.get_by_role("button", name="Last").click()
    expect(written).to_have_text(re.compile(r"^ROMEO:\n.{40}$", re.DOTALL), timeout=READY)
    assert {"walk=40", "hide=guess%2Ccode"} <= set(page.url.partition("?")[2].split("&"))

    notes, prompt = page.locator(".st-key-speaker-notes"), page.get_by_role("textbox", name="Prompt")
    page.keyboard.press("n")
    expect(notes).to_be_visible()
    prompt.press("n")  # in a text field it is a letter
    expect(prompt).to_have_value(re.compile("n"))
    page.get_by_role("heading", level=1).click()
    settled(page)
    expect(notes).to_be_visible()
    page.keyboard.press("n")
    expect(notes).to_be_hidden()


def test_the_stages_of_a_head_fit_one_screen_and_are_walked_with_the_keys(page: Page, app_server, settled):
    page.goto(f"{app_server.url}/head?hide=guess")
    top, stage = page.locator(".st-key-heading"), page.locator(".st-key-head-stage")
    for key, at in (("", 1), ("ArrowRight", 2), ("ArrowRight", 3), ("End", 6), ("ArrowLeft", 5), ("Home", 1)):
        if key:
            page.keyboard.press(key)
        expect(page.get_by_text(f"stage {at} of 6")).to_be_visible(timeout=READY)
        settled(page)
        above, shown = top.bounding_box(), stage.bounding_box()
        assert shown["y"] + shown["height"] - above["y"] - above["height"] <= 900, f"stage {at}"
