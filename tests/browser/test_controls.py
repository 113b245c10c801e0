"""What a control shows, what the address holds and what the server uses are the same, whatever interrupted the page."""

import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from explorer.shared.own_text import OWN

SLOW = 60_000  # ms; how long a loaded machine may take
SAMPLING = {"Tokens": "7", "Temperature": "0.50", "Top-k": "4", "Top-p": "", "Seed": "5"}
LINK = {"tokens": "7", "temperature": "0.5", "top-k": "4", "seed": "5"}


@contextmanager
def mostly_stopped(process):
    """Let the server run for a fifth of the time, as on a busy machine."""
    done = threading.Event()

    def brake() -> None:
        while not done.is_set():
            os.killpg(process.pid, signal.SIGSTOP)
            time.sleep(0.4)
            os.killpg(process.pid, signal.SIGCONT)
            done.wait(0.1)

    thread = threading.Thread(target=brake)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def address(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query, keep_blank_values=True).items()}


def write(page: Page, prompt: str) -> None:
    box = page.get_by_label("Prompt", exact=True)
    box.fill(prompt)
    box.press("Control+Enter")


def expect_shown(page: Page, values: dict[str, str]) -> None:
    for label, value in values.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(value, timeout=SLOW)


def test_controls_keep_their_values_through_an_empty_prompt_and_another_page(app_server, page, choose_page, settled):
    link = {"model": "shakespeare-char", "layer": "2", "head": "3", "query": "5", "key": "1", **LINK}
    page.goto(f"{app_server.url}/?{urlencode(link)}")
    view = page.locator(".attention")
    expect(view).to_have_attribute("data-locked", "2.3", timeout=SLOW)
    write(page, "")
    expect(page.get_by_text("The prompt is empty.")).to_be_visible(timeout=SLOW)
    settled(page)
    write(page, "ROMEO: but soft")
    expect(view).to_be_visible(timeout=SLOW)
    settled(page)
    expect_shown(page, {"Layer": "2", "Head": "3", "Query": "5 :", "Key": "1 O", **SAMPLING})
    expect(view).to_have_attribute("data-locked", "2.3")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("slider")).to_have_attribute("max", "7", timeout=SLOW)
    settled(page)
    assert address(page) == {**link, "prompt": "ROMEO: but soft"}
    choose_page(page, "What heads do")
    expect(page.get_by_role("heading", name=re.compile("Layer 2, head 3|L2H3"))).to_be_visible(timeout=SLOW)
    choose_page(page, "Attention")
    expect_shown(page, {"Query": "5 :", "Key": "1 O", **SAMPLING})
    settled(page)
    assert address(page) == {**link, "prompt": "ROMEO: but soft"}


def test_the_batch_keeps_its_sizes_while_there_is_no_text(app_server, page, choose_page, settled):
    page.goto(f"{app_server.url}/?text=addition&prompt=12&chunk=2")
    choose_page(page, "Tokens")
    expect(page.locator(".cells.rows")).to_have_count(2, timeout=SLOW)
    expect(page.locator(".row.selected")).to_have_attribute("data-row", "2")
    settled(page)
    page.get_by_role("combobox", name="Text", exact=True).click()
    page.get_by_role("option", name=OWN).click()
    expect(page.get_by_text("There is no text yet.")).to_be_visible(timeout=SLOW)
    settled(page)
    text = {"name": "own.txt", "mimeType": "text/plain", "buffer": b"to be or not to be, that is the question. " * 40}
    page.locator("input[type=file]").set_input_files(text)
    expect(page.get_by_text("B × T = 4 × 8")).to_be_visible(timeout=SLOW)
    settled(page)
    expect_shown(page, {"B, chunks": "4", "T, tokens of context": "8", "Seed": "1337"})
    expect(page.get_by_text("B × T = 4 × 8")).to_be_visible()
    assert {name: address(page)[name] for name in ("text", "prompt", "chunk")} == {
        "text": OWN,
        "prompt": "12",
        "chunk": "2",
    }


@pytest.mark.parametrize("wait", [0.0, 1.0])
def test_typing_before_the_first_run_ends_changes_no_other_control(app_server, page, settled, wait):
    with mostly_stopped(app_server.process):
        page.goto(
            f"{app_server.url}/?{urlencode({'layer': '1', 'head': '2', **LINK})}", wait_until="commit", timeout=SLOW
        )
        expect(page.get_by_label("Prompt", exact=True)).to_be_visible(timeout=SLOW)
        page.wait_for_timeout(1000 * wait)
        write(page, "ROMEO: but soft")
        page.wait_for_timeout(2000)
    expect(page.locator(".attention")).to_have_attribute("data-locked", "1.2", timeout=SLOW)
    expect_shown(page, {"Layer": "1", "Head": "2", **SAMPLING})
    settled(page)
    expect_shown(page, {"Layer": "1", "Head": "2", **SAMPLING})
    assert address(page) == {"layer": "1", "head": "2", **LINK, "prompt": "ROMEO: but soft"}


def test_enter_applies_the_prompt_and_shift_enter_starts_a_line(app_server, page, settled):
    page.goto(app_server.url)
    box = page.get_by_label("Prompt", exact=True)
    expect(page.locator(".attention")).to_be_visible(timeout=SLOW)
    settled(page)
    box.fill("ROMEO: but soft")
    box.press("Enter")
    expect(page.get_by_text("15 tokens.", exact=True)).to_be_visible(timeout=SLOW)
    assert address(page)["prompt"] == "ROMEO: but soft"
    box.press("Shift+Enter")
    expect(box).to_have_value("ROMEO: but soft\n")
    box.press_sequentially("what")
    expect(box).to_have_value("ROMEO: but soft\nwhat")
    box.press("Enter")
    expect(page.get_by_text("20 tokens.", exact=True)).to_be_visible(timeout=SLOW)
    expect(box).to_have_value("ROMEO: but soft\nwhat")
    assert address(page)["prompt"] == "ROMEO: but soft\nwhat"


def test_another_prompt_chooses_no_head_and_no_cell(app_server, page, settled):
    page.goto(app_server.url)
    view = page.locator(".attention")
    expect(view).to_be_visible(timeout=SLOW)
    for prompt in ("A", "Hello world", "ROMEO:"):
        settled(page)
        write(page, prompt)
        labels = "|".join(f"{place} {token}" for place, token in enumerate(prompt.replace(" ", "·")))
        expect(page.get_by_label("Key", exact=True)).to_have_value(re.compile(f"^({labels})$"), timeout=SLOW)
        settled(page)
        expect(view).to_have_attribute("data-locked", "")
        expect(page.get_by_text("There is no query")).to_have_count(0)
        assert address(page) == {"prompt": prompt}


def test_the_link_holds_the_compared_heads_and_how_much_the_lines_cover(app_server, page, settled):
    page.goto(f"{app_server.url}/?compared=9.9,avg.0&coverage=12&prompt=ROMEO%3A")
    view = page.locator(".attention")
    legend, coverage = view.locator(".legend span"), view.get_by_label("Fewest keys that reach")
    expect(legend).to_have_count(2, timeout=SLOW)  # what is no head, and what is no coverage, is left out
    expect(coverage).to_have_value("0.9")
    settled(page)
    view.locator(".grid button[data-layer='1'][data-head='2']").click(modifiers=["Shift"])
    expect(page).to_have_url(re.compile(r"compared=avg\.0(,|%2C)1\.2"), timeout=SLOW)
    coverage.select_option("0.5")
    expect(page).to_have_url(re.compile("coverage=50"), timeout=SLOW)
    settled(page)
    page.mouse.move(0, 0)  # what is under the pointer is shown too
    expect(legend).to_have_count(3)
    names = legend.all_inner_texts()
    page.goto(page.url)
    expect(legend).to_have_count(3, timeout=SLOW)
    assert legend.all_inner_texts() == names
    expect(coverage).to_have_value("0.5")
    settled(page)
    coverage.focus()
    page.keyboard.press("Escape")
    expect(legend).to_have_count(1)
    expect(page).not_to_have_url(re.compile("compared"), timeout=SLOW)


@pytest.mark.parametrize("secure", [True, False], ids=["secure", "insecure"])
def test_copy_link_copies_the_address_or_shows_it(app_server, page, secure):
    if secure:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    else:  # a page without https has no clipboard
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(f"{app_server.url}/?{urlencode(LINK)}")
    button = page.get_by_role("button", name="Copy link")
    button.focus(timeout=SLOW)
    button.press("Enter")
    if secure:
        expect(page.get_by_role("button", name="Copied")).to_be_visible(timeout=SLOW)
        assert page.evaluate("navigator.clipboard.readText()") == page.url
    else:
        expect(page.get_by_label("Link to this view")).to_have_value(page.url, timeout=SLOW)
