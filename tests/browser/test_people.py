"""A server for a class: two people in browsers of their own, and two servers with one folder of runs."""

import sys

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, launch

CODE = "open sesame"
APP = [str(ROOT / "explorer" / "app.py"), "--server.allowedHosts=127.0.0.1", "--server.allowedHosts=school.example"]


@pytest.fixture
def class_servers(tmp_path, monkeypatch):
    """Two servers that share a folder of runs, and answer a class."""
    monkeypatch.setenv("ATTENTION_EXPLORER_TEACHER_CODE", CODE)
    command = [sys.executable, "-m", "streamlit", "run", *APP]
    servers = [launch(command, tmp_path), launch(command, tmp_path)]
    yield servers
    for server in servers:
        server.stop()
        assert "Traceback" not in server.log(), server.log()


@pytest.fixture
def student(browser):
    contexts = []

    def open_browser() -> Page:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        return page

    yield open_browser
    for context in contexts:
        context.close()


def give_name(page: Page, name: str) -> None:
    page.get_by_role("button", name="Your name").click()
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_role("button", name="Save name").click()
    expect(page.get_by_role("button", name=name)).to_be_visible()


def test_a_name_and_a_role_belong_to_a_browser_on_every_server(class_servers, student):
    first, second = class_servers
    anna, ben = student(), student()
    anna.goto(f"{first.url}/train")
    give_name(anna, "Anna")
    anna.reload()
    expect(anna.get_by_role("button", name="Anna")).to_be_visible()
    anna.goto(f"{second.url}/train?steps=3")
    expect(anna.get_by_role("button", name="Anna")).to_be_visible()
    anna.get_by_role("button", name="Start", exact=True).click()
    expect(anna.get_by_role("button", name="Stop", exact=True)).to_be_enabled()

    ben.goto(f"{first.url}/runs")
    give_name(ben, "Ben")
    expect(ben.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
    expect(ben.get_by_role("button", name="Delete", exact=True)).to_be_disabled()
    ben.reload()
    ben.get_by_role("button", name="Ben").click()
    ben.get_by_role("textbox", name="Teacher's code").fill(CODE)
    ben.get_by_role("button", name="Become teacher").click()
    expect(ben.get_by_role("button", name="Teacher", exact=True)).to_be_visible()
    assert CODE not in ben.url
    ben.reload()
    expect(ben.get_by_role("button", name="Stop", exact=True)).to_be_enabled()
    ben.get_by_role("button", name="Stop", exact=True).click()
    expect(ben.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
    cookies = [cookie for cookie in anna.context.cookies() if cookie["name"] == "attention-explorer-person"]
    assert len(cookies) == 1 and cookies[0]["httpOnly"]
