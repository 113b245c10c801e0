"""What a control shows, what the address holds and what the server uses are the same, whatever interrupted the page."""

import os
import signal
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

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


def test_controls_keep_their_values_through_an_empty_prompt(app_server, page, settled):
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


def test_the_batch_keeps_its_sizes_while_there_is_no_text(app_server, page, choose_page, settled):
    page.goto(f"{app_server.url}/?text=addition&prompt=12")
    choose_page(page, "Tokens")
    expect(page.locator(".cells.rows")).to_have_count(2, timeout=SLOW)
    settled(page)
    page.get_by_role("combobox", name="Text", exact=True).click()
    page.get_by_role("option", name="own text").click()
    expect(page.get_by_text("There is no text yet.")).to_be_visible(timeout=SLOW)
    settled(page)
    text = {"name": "own.txt", "mimeType": "text/plain", "buffer": b"to be or not to be, that is the question. " * 40}
    page.locator("input[type=file]").set_input_files(text)
    expect(page.get_by_text("B × T = 4 × 8")).to_be_visible(timeout=SLOW)
    settled(page)
    expect_shown(page, {"B, chunks": "4", "T, tokens of context": "8", "Seed": "1337"})
    expect(page.get_by_text("B × T = 4 × 8")).to_be_visible()
    assert address(page) == {"text": "own text", "prompt": "12"}


@pytest.mark.parametrize("wait", [0.0, 1.0])
def test_typing_before_the_first_run_ends_changes_no_other_control(app_server, page, settled, wait):
    with mostly_stopped(app_server.process):
        page.goto(f"{app_server.url}/?{urlencode({'layer': '1', 'head': '2', **LINK})}", wait_until="commit", timeout=SLOW)
        expect(page.get_by_label("Prompt", exact=True)).to_be_visible(timeout=SLOW)
        page.wait_for_timeout(1000 * wait)
        write(page, "ROMEO: but soft")
        page.wait_for_timeout(2000)
    expect(page.locator(".attention")).to_have_attribute("data-locked", "1.2", timeout=SLOW)
    expect_shown(page, {"Layer": "1", "Head": "2", **SAMPLING})
    settled(page)
    expect_shown(page, {"Layer": "1", "Head": "2", **SAMPLING})
    assert address(page) == {"layer": "1", "head": "2", **LINK, "prompt": "ROMEO: but soft"}
