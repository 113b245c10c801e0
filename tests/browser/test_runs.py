"""Fifteen runs in two browsers: deleted, restored and renamed, each the one that was meant; one is exported."""

import shutil
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gpt import load_pretrained

SHIPPED = Path(__file__).parents[2] / "assets" / "models" / "shakespeare-bigram"


@pytest.fixture
def fifteen(app_server) -> Path:
    for i in range(15):
        shutil.copytree(SHIPPED, app_server.runs / f"run-{i:02}")
    return app_server.runs


@pytest.fixture
def runs_page(fifteen, page: Page, app_server, problems):
    yield opened(page, app_server)
    problems[:] = [problem for problem in problems if "/runs/_stcore/" not in problem]


def opened(page: Page, server) -> Page:
    page.set_default_timeout(60_000)
    page.goto(f"{server.url}/runs?run=run-07")
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_enabled(timeout=60_000)
    return page


def names(runs: Path) -> set[str]:
    return {folder.name for folder in runs.glob("[!.]*")}


def click_twice_in_place(page: Page, label: str) -> None:
    box = page.get_by_role("button", name=label, exact=True).bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, delay=30)


def test_two_clicks_in_place_delete_one_run_and_it_comes_back(runs_page, browser, app_server, fifteen, settled):
    everything = names(fifteen)
    context = browser.new_context()
    other = opened(context.new_page(), app_server)
    click_twice_in_place(runs_page, "Delete")
    dialog = runs_page.get_by_role("dialog")
    expect(dialog).to_contain_text("run-07", timeout=60_000)
    shutil.copytree(SHIPPED, fifteen / "newest")
    expect(runs_page.get_by_text("newest")).not_to_have_count(
        0, timeout=60_000
    )  # the list has grown under the open question
    expect(dialog).to_contain_text("run-07")
    click_twice_in_place(runs_page, "Delete run")
    for page in (runs_page, other):
        expect(page.get_by_role("button", name="Undo: run-07")).to_be_visible(timeout=60_000)
    settled(runs_page)
    expect(dialog).to_have_count(0, timeout=60_000)
    assert names(fifteen) == everything - {"run-07"} | {"newest"}

    other.get_by_role("button", name="Undo: run-07").click()
    expect(other.get_by_role("button", name="Undo: run-07")).to_have_count(0, timeout=60_000)
    settled(other)
    expect(other.get_by_role("combobox", name="Run")).to_have_value("run-07", timeout=60_000)
    assert names(fifteen) == everything | {"newest"}

    other.get_by_role("button", name="Rename", exact=True).click()
    box = other.get_by_label("New name")
    box.fill("spring")
    box.press("Enter")
    expect(other.get_by_role("dialog")).to_have_count(0, timeout=60_000)
    settled(other)
    expect(other.get_by_role("combobox", name="Run")).to_have_value("spring", timeout=60_000)
    assert names(fifteen) == everything - {"run-07"} | {"newest", "spring"}

    other.get_by_role("button", name="Rename", exact=True).click()
    box = other.get_by_label("New name")
    box.fill("My Spring")
    box.press("Enter")
    expect(other.get_by_role("combobox", name="Run")).to_have_value("My Spring", timeout=60_000)
    other.get_by_role("button", name="Delete", exact=True).click()
    other.get_by_role("button", name="Delete run", exact=True).click()
    expect(other.get_by_role("button", name="Undo: My-Spring")).to_be_visible(timeout=60_000)
    settled(other)
    expect(other.get_by_text("There is no run called")).to_have_count(
        0
    )  # the title of the run that is gone is no choice
    context.close()


def test_a_run_is_exported_as_a_folder_that_opens_again(page: Page, app_server, settled, tmp_path):
    shutil.copytree(SHIPPED.with_name("shakespeare-char"), app_server.runs / "spoken")
    page.set_default_timeout(60_000)
    page.goto(f"{app_server.url}/runs?run=spoken")
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download .zip").click()
    assert download.value.suggested_filename == "spoken.zip"
    with zipfile.ZipFile(download.value.path()) as packed:
        packed.extractall(tmp_path)
    assert load_pretrained(tmp_path / "spoken").model.config.n_layer == 4
    settled(page)
    page.get_by_role("dialog").press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=60_000)


def test_a_downloaded_run_is_imported_in_another_browser(page: Page, browser, app_server, settled):
    shutil.copytree(SHIPPED, app_server.runs / "handed-in")
    page.set_default_timeout(60_000)
    page.goto(f"{app_server.url}/runs?run=handed-in")
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download .zip").click()
    context = browser.new_context()
    other = context.new_page()
    other.set_default_timeout(60_000)
    other.goto(f"{app_server.url}/runs?run=handed-in")
    other.get_by_role("button", name="Import", exact=True).click()
    file = {"name": "again.zip", "mimeType": "application/zip", "buffer": download.value.path().read_bytes()}
    other.get_by_test_id("stFileUploaderDropzoneInput").set_input_files([file])
    expect(other.get_by_role("combobox", name="Run")).to_have_value("again")
    sent, back = (app_server.runs / name / "snapshots" for name in ("handed-in", "again"))
    assert {file.name: file.read_bytes() for file in back.iterdir()} == {
        file.name: file.read_bytes() for file in sent.iterdir()
    }
    context.close()
