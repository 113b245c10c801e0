"""A class in two browsers: the teacher sets a task and hides parts, a student trains, and the wall shows the run."""

import io
import re
import sys

import pytest
import segno
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from explorer.train.wall.joining import QUIET
from tests.browser.conftest import launch
from tests.browser.test_people import APP, CODE, give_name, student

__all__ = ["student"]
SMALL = "quick.steps:40,quick.n_layer:1,quick.n_head:2,quick.n_embd:16,quick.block_size:32,quick.batch_size:8"


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTENTION_EXPLORER_TEACHER_CODE", CODE)
    server = launch([sys.executable, "-m", "streamlit", "run", *APP], tmp_path)
    yield server
    server.stop()
    assert "Traceback" not in server.log(), server.log()


def modules(picture: Locator, size: int) -> list[list[bool]]:
    """Which of size × size squares of a picture are dark in their middle."""
    grey = Image.open(io.BytesIO(picture.screenshot())).convert("L")
    middle = lambda place, pixels: int((place + 0.5) * pixels / size)  # noqa: E731
    rows = [[grey.getpixel((middle(x, grey.width), middle(y, grey.height))) for x in range(size)] for y in range(size)]
    return [[value < 128 for value in row] for row in rows]


def become_teacher(page: Page) -> None:
    page.get_by_role("button", name="Your name").click()
    page.get_by_role("textbox", name="Teacher's code").fill(CODE)
    page.get_by_role("button", name="Become teacher").click()
    expect(page.get_by_role("button", name="Teacher", exact=True)).to_be_visible()
    page.keyboard.press("Escape")


def test_a_task_a_run_and_a_hidden_part(server, student, settled):
    teacher, anna = student(), student()
    teacher.goto(f"{server.url}/wall")
    become_teacher(teacher)
    expect(teacher.get_by_text("No run yet.")).to_be_visible()
    link = server.url.replace("127.0.0.1", "school.example") + "/wall"
    expect(teacher.get_by_text(link)).to_be_visible()
    teacher.get_by_role("button", name="Show large").click()
    code = segno.make_qr(link, error="m")
    picture = teacher.get_by_role("dialog").locator("img")
    expect(picture).to_be_visible()
    settled(teacher)
    size = len(code.matrix) + 2 * QUIET
    assert modules(picture, size) == [[bool(dark) for dark in row] for row in code.matrix_iter(border=QUIET)]
    teacher.keyboard.press("Escape")

    teacher.get_by_text("Set the task").click()
    teacher.get_by_role("textbox", name="What to do").fill("Reach the lowest loss")
    teacher.get_by_role("spinbutton", name="Parameters, at most").fill("200000")
    teacher.get_by_role("button", name="Save task").click()
    expect(teacher.get_by_text("At most 200,000 parameters.")).to_be_visible()
    teacher.get_by_role("button", name="Teacher", exact=True).click()
    teacher.get_by_role("combobox", name="Hidden for students").click()
    teacher.get_by_role("option", name="the code", exact=True).click()
    expect(teacher.get_by_text("Hidden for students: the code.")).to_be_visible()

    anna.goto(f"{server.url}/train?form={SMALL}")
    give_name(anna, "Anna")
    anna.keyboard.press("Escape")
    anna.get_by_role("button", name="Start", exact=True).click()
    expect(anna.get_by_text(re.compile("step [0-9,]+ of 40")).first).to_be_visible()
    for page in (anna, teacher):
        page.goto(f"{server.url}/wall")
        tile = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Anna"))
        expect(tile).to_contain_text("Finished", timeout=120_000)
        expect(tile).to_contain_text(re.compile(r"✓ keeps the task · \d\.\d{3} after 10,240 tokens"))
        expect(tile).to_have_attribute("data-rank", "1")
        expect(tile).to_contain_text(re.compile(r"L0·H[01] [+−-]\d"))
        assert len(tile.locator("polyline.validation").get_attribute("points").split()) >= 2
        assert len(tile.locator(".sample").inner_text()) > 20
        expect(tile.get_by_role("button", name="Hide Anna")).to_have_count(int(page is teacher))

    fold = "Show the code"
    anna.goto(f"{server.url}/bigram")
    expect(anna.get_by_role("button", name="Guess", exact=True).first).to_be_visible()
    settled(anna)
    expect(anna.get_by_text(fold)).to_have_count(0)
    teacher.get_by_role("button", name="Hide Anna").click()
    expect(teacher.get_by_role("listitem")).to_contain_text("Hidden for students")
    teacher.goto(f"{server.url}/bigram")
    expect(teacher.get_by_text(fold).first).to_be_visible()
    anna.goto(f"{server.url}/wall")
    expect(anna.get_by_text("No run yet.")).to_be_visible()
