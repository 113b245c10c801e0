"""Time travel in a real browser: one slider moves the heads, the next token, the sample and the marker together."""

import re

import pytest
from playwright.sync_api import Page, expect

READY = 120_000  # ms: torch is still to be imported, perhaps on a busy machine
PIXELS = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join()"
COLORS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3]) found.add(data.slice(i, i + 3).join());
  return [...found];
}"""


@pytest.fixture
def film(page: Page, app_server, problems):
    page.goto(f"{app_server.url}/timetravel")
    found = page.locator(".film[data-step='4000']")
    found.wait_for(timeout=READY)
    yield page.locator(".film")
    problems[:] = [problem for problem in problems if "/timetravel/_stcore/" not in problem]


def seen(film) -> dict[str, str]:
    """All that must move together."""
    return {
        "grid": film.locator(".grid canvas").nth(4).evaluate(PIXELS),
        "large": film.locator(".map canvas").evaluate(PIXELS),
        "answers": film.locator(".answers").inner_text(),
        "bar": film.locator(".answers i").first.get_attribute("style"),
        "sample": film.locator(".sample").inner_text(),
        "losses": film.locator(".losses .now").get_attribute("x1"),
        "scores": film.locator(".scores .now").get_attribute("x1"),
        "score": film.locator(".scores .value").inner_text(),
    }


def differ(before: dict, after: dict) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_everything_moves_together_and_the_link_restores_it(film, page, app_server, settled):
    slider = film.locator("input[type=range]")
    end = seen(film)
    slider.focus()
    page.keyboard.press("Home")
    expect(film).to_have_attribute("data-step", "0")
    expect(slider).to_have_attribute("aria-valuetext", "step 0, snapshot 1 of 40")
    assert differ(end, seen(film)) == set(end)
    box = slider.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(film).to_have_attribute("data-index", slider.input_value())
    middle = int(film.get_attribute("data-step"))
    assert 300 < middle < 1500 and differ(end, seen(film)) == set(end)

    film.locator(".grid button[data-layer='1'][data-head='3']").click()
    film.locator(".pin").click()
    expect(film).to_have_attribute("data-pinned", str(middle))
    page.mouse.move(5, 5)
    assert len(film.locator(".grid canvas").nth(7).evaluate(COLORS)) == 1, "nothing differs from itself"
    assert set(film.locator(".answers .number").all_inner_texts()) == {"+0.000"}
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(film).not_to_have_attribute("data-step", str(middle))
    assert len(film.locator(".grid canvas").nth(7).evaluate(COLORS)) > 10
    step = film.get_attribute("data-step")
    address = re.compile(rf"(?=.*step={step})(?=.*pinned={middle})(?=.*layer=1)(?=.*head=3)")
    expect(page).to_have_url(address, timeout=READY)
    settled(page)

    before = seen(film)
    page.goto(page.url)
    expect(film).to_have_attribute("data-step", step, timeout=READY)
    expect(film).to_have_attribute("data-locked", "1.3")
    expect(film).to_have_attribute("data-pinned", str(middle))
    settled(page)
    assert differ(before, seen(film)) == set()


def test_curves_jump_keys_and_playing_move_and_a_phone_has_room(film, page):
    for curve, share in (("losses", 0.3), ("scores", 0.6)):
        film.locator(f".{curve} svg").scroll_into_view_if_needed()
        box = film.locator(f".{curve} svg").bounding_box()
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 60)
        expect(film).not_to_have_attribute("data-step", "4000")
        marker = film.locator(f".{curve} .now").bounding_box()
        assert abs(marker["x"] - box["x"] - share * box["width"]) < 12
    expect(film.locator(".sentence")).to_contain_text(re.compile(r"induction score is between steps [\d,]+ and [\d,]+"))

    film.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    expect(film.locator(".back")).to_be_disabled()
    film.locator(".speed select").select_option("0.5")  # 40 snapshots in 16 s: time to look in between
    film.locator(".play").click()
    expect(film.locator(".play")).to_have_text("Pause")
    expect(film).not_to_have_attribute("data-step", "0")
    page.keyboard.press("ArrowLeft")
    film.locator("input[type=range]").focus()
    page.keyboard.press("Space")
    expect(film.locator(".play")).to_have_text("Play")
    page.keyboard.press("End")
    expect(film).to_have_attribute("data-step", "4000")

    page.set_viewport_size({"width": 390, "height": 844})
    expect(film.locator(".map canvas")).to_be_visible()
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    page.wait_for_function("film => film.scrollWidth <= film.clientWidth + 1", arg=film.element_handle())
