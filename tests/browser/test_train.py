"""Training from the page, with real workers: started, watched, reloaded, seen by another browser, stopped and
resumed.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

LONG = 180_000  # ms, for what waits on a process that trains


@pytest.fixture
def train_page(page: Page, app_server, problems):
    """The Train page. On a page's own address Streamlit first looks for itself beside it; that is no problem of
    ours.
    """
    page.set_default_timeout(LONG)
    page.goto(f"{app_server.url}/train")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled(timeout=LONG)
    yield page
    for run in filter(Path.is_dir, app_server.runs.glob("*")):
        (run / "stop").touch()  # whatever still trains would outlive the server, as it should
    problems[:] = [problem for problem in problems if "/train/_stcore/" not in problem]


def start(page: Page, steps: int, name: str) -> None:
    fill(page, "Steps", str(steps))
    fill(page, "Name of the run", name)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page).to_have_url(re.compile(f"run={name}"), timeout=LONG)


def fill(page: Page, label: str, value: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(value)
    box.press("Enter")


def says(page: Page, text: str) -> None:
    expect(page.get_by_test_id("stProgress")).to_contain_text(re.compile(text), timeout=LONG)


def test_a_run_is_watched_to_its_end_through_a_reload_and_by_a_second_browser(train_page, browser, app_server):
    start(train_page, 10, "lesson")
    says(train_page, r"Starting|Waiting|Training")
    train_page.reload()
    says(train_page, r"of 10")
    context = browser.new_context()
    second = context.new_page()
    second.goto(train_page.url)
    for page in (train_page, second):
        says(page, r"Finished · step 10 of 10 · .* validation loss \d\.\d{3}")
        expect(page.get_by_text("Sample after step 10")).to_be_visible(timeout=LONG)
        expect(page.locator(".js-plotly-plot .scatterlayer .trace")).to_have_count(3)
        expect(page.locator(".attention")).to_be_visible()
    sample = (app_server.runs / "lesson" / "samples.jsonl").read_text().splitlines()
    assert len(sample) == len(list((app_server.runs / "lesson" / "snapshots").iterdir()))
    context.close()


def test_a_run_is_paused_stopped_and_resumed_while_pages_change(train_page, choose_page):
    start(train_page, 1_000_000, "long")
    says(train_page, r"Training · step [1-9].* left · [\d,]+ tokens/s")
    train_page.get_by_role("button", name="Pause").click()
    says(train_page, r"Paused")
    choose_page(train_page, "Compare")
    expect(train_page.get_by_role("heading", name="Compare", exact=True)).to_be_visible(timeout=LONG)
    choose_page(train_page, "Train")
    says(train_page, r"Paused · step [1-9]")
    train_page.get_by_role("button", name="Resume").click()
    says(train_page, r"Training")
    train_page.get_by_role("button", name="Stop", exact=True).click()
    says(train_page, r"Stopped · step [1-9]")
    expect(train_page.get_by_role("button", name="Resume")).to_be_enabled()


def test_a_text_that_is_too_large_is_refused_and_the_page_stands(train_page, tmp_path):
    file = tmp_path / "large.txt"
    with file.open("wb") as large:
        large.truncate(200_000_000)
    train_page.get_by_role("combobox", name="Text").click()
    train_page.get_by_role("option", name="your own text").click()
    train_page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    expect(train_page.get_by_text(re.compile("25MB or smaller|25.0MB"))).to_be_visible(timeout=LONG)
    train_page.get_by_role("button", name="Start", exact=True).click()
    expect(train_page.get_by_text("Nothing was started")).to_be_visible()


def test_the_first_click_after_pasting_starts_and_a_reload_keeps_the_form(train_page, app_server):
    text = 40 * "Round and round it goes, and where it stops nobody knows.\n"
    train_page.get_by_role("combobox", name="Text").click()
    train_page.get_by_role("option", name="your own text").click()
    fill(train_page, "Steps", "12")
    fill(train_page, "Name of the run", "Mein Frühling")
    train_page.get_by_label("… or paste it here").fill(text + "It ends.")
    train_page.get_by_role("heading", name="Train", exact=True).click()  # the box loses the focus, so its text is sent
    expect(train_page).to_have_url(re.compile("own-text=[0-9a-f]{16}"))
    train_page.reload()
    expect(train_page.get_by_label("Steps", exact=True)).to_have_value("12", timeout=LONG)
    expect(train_page.get_by_label("Name of the run", exact=True)).to_have_value("Mein Frühling")
    expect(train_page.get_by_label("… or paste it here")).to_have_value(text + "It ends.")
    train_page.get_by_label("… or paste it here").fill(text)
    train_page.get_by_role("button", name="Start", exact=True).click()
    expect(train_page).to_have_url(re.compile("run=Mein-Fruhling"), timeout=LONG)
    says(train_page, r"of 12")
    expect(train_page.get_by_role("combobox", name="Run", exact=True)).to_have_value(re.compile("Mein Frühling · "))
    assert (app_server.runs / "Mein-Fruhling" / "text.txt").read_text() == text
