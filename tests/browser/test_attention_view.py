"""The attention view on known patterns, in a real browser: what is painted, said, locked and sent."""

import re

import pytest
from playwright.sync_api import Page, expect

from explorer.figures.style import contrast, head_color

SCRIPT = "tests/browser/attention_script.py"
BLUE = (0, 114, 178)  # the sequential scale's end on a light page
PIXEL = "([canvas, x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]"
INKED = """(canvas, [r, g, b]) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 40 && Math.hypot(data[i] - r, data[i + 1] - g, data[i + 2] - b) < 40) count++;
  }
  return count;
}"""


@pytest.fixture
def show(serve, page, settled):
    def open_view(query: str = "", **viewport) -> Page:
        if viewport:
            page.set_viewport_size(viewport)
        page.goto(f"{serve(SCRIPT).url}/?{query}")
        settled(page)
        page.locator(".attention[data-layer]:not([data-layer=''])").wait_for()
        return page

    return open_view


def root(page: Page):
    return page.locator(".attention")


def cell(page: Page, layer: int | str, head: int | str):
    return page.locator(f".grid button[data-layer='{layer}'][data-head='{head}']")


def pixel(page: Page, selector: str, x: float, y: float) -> list[int]:
    return page.evaluate(PIXEL, [page.locator(selector).element_handle(), x, y])


def ink(page: Page, selector: str, color: tuple[int, int, int]) -> int:
    return page.locator(selector).evaluate(INKED, color)


def locked_in_python(page: Page, head: str) -> None:
    expect(page.get_by_text(f"locked: {head}", exact=True)).to_be_visible()


def map_point(page: Page, query: float, key: float) -> tuple[float, float]:
    """Page coordinates of a place in the large heatmap, in cells."""
    canvas = page.locator(".map canvas")
    box, data = canvas.bounding_box(), canvas.evaluate("canvas => ({ ...canvas.dataset })")
    size = float(data["cell"])
    return box["x"] + float(data["left"]) + key * size, box["y"] + float(data["top"]) + query * size


def hover_cell(page: Page, query: int, key: int) -> None:
    page.mouse.move(*map_point(page, query + 0.5, key + 0.5))
    expect(root(page)).to_have_attribute("data-query", str(query))
    expect(root(page)).to_have_attribute("data-key", str(key))


def at_opacity(opacity: float, color=BLUE, ground=(255, 255, 255)) -> list[int]:
    return [round(c * opacity + g * (1 - opacity)) for c, g in zip(color, ground, strict=True)] + [255]


def close_to(color: list[int], wanted: list[int]) -> bool:
    return max(abs(a - b) for a, b in zip(color, wanted, strict=True)) <= 2


def test_a_heatmap_stands_before_anything_is_chosen(show):
    page = show("size=4x4x60")
    expect(page.locator(".name")).to_have_text("L0H0")
    box = page.locator(".map canvas").bounding_box()
    assert box["width"] > 300
    assert box["y"] + box["height"] < 900, "the first heatmap needs no scrolling"
    assert ink(page, ".map canvas", at_opacity(0.865)[:3]) > 1000
    expect(page.get_by_text("where a head reads from, not what matters")).to_be_visible()
    locked_in_python(page, "None")


def test_weights_are_painted_zero_is_the_ground_and_the_masked_is_not_there(show):
    page = show("size=2x3x8")
    thumb = ".grid button >> nth=0 >> canvas"
    assert close_to(pixel(page, thumb, 0, 0), at_opacity(1))
    # 0.75 and 0.25 between the scale's neighbouring stops, (6/8)², (7/8)² and (4/8)²
    assert close_to(pixel(page, thumb, 4, 5), at_opacity(0.75 + 0.125 * (0.75 - 0.5625) / (0.765625 - 0.5625)))
    assert close_to(pixel(page, thumb, 5, 5), at_opacity(0.5))
    assert pixel(page, thumb, 1, 5) == [255, 255, 255, 255]
    assert pixel(page, thumb, 6, 5)[3] == 0
    data = page.locator(".map canvas").evaluate("canvas => ({ ...canvas.dataset })")
    left, top, size = (float(data[name]) for name in ("left", "top", "cell"))
    corner = lambda query, key: pixel(page, ".map canvas", left + (key + 0.15) * size, top + (query + 0.15) * size)  # noqa: E731
    assert close_to(corner(5, 5), at_opacity(0.5))
    assert corner(5, 1) == [255, 255, 255, 255]
    assert corner(1, 5)[3] < 128


WRITTEN = """() => {
  const write = CanvasRenderingContext2D.prototype.fillText;
  window.written_ = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    if (/^\\d\\.\\d\\d$/.test(text)) window.written_.push([this.fillStyle, this.getTransform().e + x, this.getTransform().f + y]);
    write.call(this, text, x, y);
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_are_readable_on_their_cells(show, scheme):
    page = show("size=1x2x8")
    page.emulate_media(color_scheme=scheme)
    cell(page, 0, 1).click()
    locked_in_python(page, "(0, 1)")
    page.mouse.move(5, 5)
    page.evaluate(WRITTEN)
    hover_cell(page, 0, 7)
    size = float(page.locator(".map canvas").get_attribute("data-cell"))
    written = page.evaluate("window.written_")[-36:]
    assert len(written) == 36 and len({ink for ink, *_ in written}) == 2, "black and white"
    for ink, x, y in written:
        ground = pixel(page, ".map canvas", x - 0.4 * size, y - 0.4 * size)
        assert contrast(list(bytes.fromhex(ink[1:])), ground[:3]) >= 4.5


def test_hover_previews_and_leaving_returns(show):
    page = show()
    cell(page, 1, 2).hover()
    expect(page.locator(".name")).to_have_text("L1H2")
    page.mouse.move(5, 5)
    expect(page.locator(".name")).to_have_text("L0H0")
    locked_in_python(page, "None")


def test_click_locks_click_again_and_escape_unlock(show):
    page = show()
    cell(page, 1, 2).click()
    locked_in_python(page, "(1, 2)")
    cell(page, 0, 1).hover()
    expect(page.locator(".name")).to_have_text("L0H1")
    page.mouse.move(5, 5)
    expect(page.locator(".name")).to_have_text("L1H2")
    expect(cell(page, 1, 2)).to_have_attribute("aria-selected", "true")
    cell(page, 1, 2).click()
    locked_in_python(page, "None")
    cell(page, 0, 1).click()
    locked_in_python(page, "(0, 1)")
    page.keyboard.press("Escape")
    locked_in_python(page, "None")
    expect(root(page)).to_have_attribute("data-locked", "")


def test_arrow_keys_move_and_enter_locks(show):
    page = show()
    cell(page, 0, 0).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowLeft", "End", "ArrowLeft"):
        page.keyboard.press(key)
    expect(page.locator(".name")).to_have_text("L1H2")
    page.keyboard.press("Enter")
    locked_in_python(page, "(1, 2)")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    locked_in_python(page, "(0, 2)")


def test_the_page_moves_the_lock_and_the_later_word_counts(show):
    page = show()
    cell(page, 0, 1).click()
    locked_in_python(page, "(0, 1)")
    for _ in range(2):
        page.get_by_role("button", name="Move to the last head").click()
        locked_in_python(page, "(1, 2)")
        expect(root(page)).to_have_attribute("data-locked", "1.2")
        cell(page, 0, 1).click()
        locked_in_python(page, "(0, 1)")
        expect(root(page)).to_have_attribute("data-locked", "0.1")


def test_quick_clicks_end_on_the_last_head(show):
    page = show("size=3x3x8")
    for layer, head in [(0, 1), (2, 2), (1, 0), (2, 1), (0, 2)]:
        cell(page, layer, head).click()
    locked_in_python(page, "(0, 2)")
    page.wait_for_timeout(1000)
    expect(root(page)).to_have_attribute("data-locked", "0.2")


def test_new_patterns_keep_what_the_person_looks_at(show, settled):
    page = show()
    cell(page, 1, 2).click()
    hover_cell(page, 5, 4)
    page.mouse.click(*map_point(page, 5.5, 4.5))
    locked_in_python(page, "(1, 2)")
    before = pixel(page, ".grid button >> nth=6 >> canvas", 4, 5)
    page.get_by_label("Seed").fill("7")
    page.keyboard.press("Enter")
    page.wait_for_function("() => performance.getEntriesByName('attention-view').length > 1")
    settled(page)
    assert pixel(page, ".grid button >> nth=6 >> canvas", 4, 5) != before
    expect(root(page)).to_have_attribute("data-locked", "1.2")
    expect(root(page)).to_have_attribute("data-query", "5")


def test_the_view_remembers_when_it_is_left_and_shown_again(show):
    page = show()
    cell(page, 1, 1).click()
    locked_in_python(page, "(1, 1)")
    page.get_by_text("Show", exact=True).click()
    expect(root(page)).to_have_count(0)
    page.get_by_text("Show", exact=True).click()
    expect(root(page)).to_have_attribute("data-locked", "1.1")
    cell(page, 0, 2).click()
    locked_in_python(page, "(0, 2)")


def test_hovering_a_cell_says_the_exact_weight(show):
    page = show()
    readout = page.locator(".readout")
    hover_cell(page, 5, 4)
    expect(readout).to_have_text("L0H0: query 5 'u' reads key 4 'q' with 0.7500")
    hover_cell(page, 3, 3)
    expect(readout).to_have_text("L0H0: query 3 '·' reads key 3 '·' with 0.2500")
    hover_cell(page, 7, 0)
    expect(readout).to_have_text("L0H0: query 7 'c' reads key 0 't' with 0")
    hover_cell(page, 1, 6)
    expect(readout).to_have_text("L0H0: query 1 'h' cannot read key 6 'i', which comes after it")
    expect(readout).to_have_attribute("aria-live", "polite")


def test_the_value_is_said_at_the_pointer_and_both_labels_are_lit(show):
    page = show("size=2x3x60")
    label = """([canvas, x, y]) =>
      canvas.getContext("2d").getImageData(x, y, 30, 12).data.filter((v, i) => i % 4 === 3 && v > 200).length"""
    data = page.locator(".map canvas").evaluate("canvas => ({ ...canvas.dataset })")
    left, top, size = (float(data[name]) for name in ("left", "top", "cell"))
    row = [page.locator(".map canvas").element_handle(), left - 36, top + 33.5 * size - 6]
    assert page.evaluate(label, row) < 150, "odd rows are not labelled at this size"
    hover_cell(page, 33, 32)
    expect(page.locator(".tip")).to_have_text("33 'l' → 32 '·' 0.7500")
    assert page.evaluate(label, row) > 300, "the hovered row's label is drawn in reverse"
    map_box, tip_box = page.locator(".map").bounding_box(), page.locator(".tip").bounding_box()
    assert tip_box["x"] + tip_box["width"] <= map_box["x"] + map_box["width"]
    hover_cell(page, 2, 55)
    expect(page.locator(".tip b")).to_have_text("masked")
    page.mouse.move(5, 5)
    expect(page.locator(".tip")).to_be_hidden()


def test_the_map_fills_the_screen_and_grows_with_it(show):
    for width, height in ((1440, 900), (1920, 1080)):
        page = show("size=4x6x60", width=width, height=height)
        box = page.locator(".map canvas").bounding_box()
        assert 0.93 * height < box["y"] + box["height"] < height, "down to the end of the first screen"
        assert box["height"] > 0.5 * height and box["width"] > 0.9 * box["height"]


def test_zoom_by_keys_wheel_and_buttons_and_pan_by_dragging(show):
    page = show("size=2x2x250")
    box, canvas = page.locator(".map"), page.locator(".map canvas")
    assert float(canvas.get_attribute("data-cell")) < 3
    size = canvas.bounding_box()
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()
    x, y = map_point(page, 100.5, 99.5)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -600)
    page.keyboard.up("Control")
    expect(root(page)).not_to_have_attribute("data-zoom", "1.00")
    assert float(canvas.get_attribute("data-cell")) > 20
    now = map_point(page, 100.5, 99.5)
    assert now == pytest.approx((x, y), abs=float(canvas.get_attribute("data-cell"))), "what is under the pointer stays there"
    hover_cell(page, 100, 99)
    expect(page.locator(".readout")).to_contain_text("with 0.7500")
    page.mouse.move(*map_point(page, 100.5, 99.5))
    page.mouse.down()
    page.mouse.move(now[0] - 120, now[1] - 80, steps=4)
    page.mouse.up()
    assert map_point(page, 100.5, 99.5) == pytest.approx((now[0] - 120, now[1] - 80), abs=1)
    expect(page.get_by_text("pinned: None", exact=True)).to_be_visible(), "a drag pins nothing"
    before = map_point(page, 100.5, 99.5)
    page.mouse.wheel(40, 0)
    page.wait_for_timeout(200)
    assert map_point(page, 100.5, 99.5) == pytest.approx((before[0] - 40, before[1]), abs=1)
    box.focus()
    page.keyboard.press("0")
    expect(root(page)).to_have_attribute("data-zoom", "1.00")
    page.get_by_role("button", name="Zoom in").click()
    expect(root(page)).to_have_attribute("data-zoom", "1.50")
    box.focus()
    for _ in range(12):
        page.keyboard.press("+")
    expect(page.get_by_role("button", name="Zoom in")).to_be_disabled()
    page.keyboard.press("ArrowDown")
    expect(root(page)).to_have_attribute("data-query", "125")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    expect(root(page)).to_have_attribute("data-query", "145")
    place = map_point(page, 145.5, 124.5)
    inside = canvas.bounding_box()
    assert inside["x"] < place[0] < inside["x"] + inside["width"] and inside["y"] < place[1] < inside["y"] + inside["height"]
    assert canvas.bounding_box()["width"] == size["width"] and canvas.bounding_box()["height"] == size["height"]
    page.get_by_role("button", name="Show all tokens").click()
    expect(root(page)).to_have_attribute("data-zoom", "1.00")


def test_the_heatmap_obeys_the_keyboard(show):
    page = show()
    page.locator(".map").focus()
    page.keyboard.press("ArrowDown")
    expect(root(page)).to_have_attribute("data-query", "4")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".readout")).to_contain_text("query 2 'e' reads key 1 'h' with 0.7500")
    page.keyboard.press("Enter")
    page.get_by_text("Largest weights as a table").click()
    rows = page.locator(".weights tbody tr")
    expect(rows).to_have_count(3)
    assert rows.nth(0).locator("td").all_inner_texts() == ["2 'e'", "1 'h'", "0.7500"]
    page.locator(".map").focus()
    page.keyboard.press("Escape")
    expect(page.locator(".weights caption")).to_have_text("Largest weights, L0H0")


def test_lines_join_a_query_to_the_keys_it_reads(show):
    page = show()
    everything = ink(page, ".lines canvas", BLUE)
    hover_cell(page, 5, 4)
    one = ink(page, ".lines canvas", BLUE)
    assert 50 < one < everything
    expect(page.locator(".lines canvas")).to_have_attribute("aria-label", "Lines from each query to the keys it reads: L0H0.")
    page.locator(".share select").select_option("0.5")
    hover_cell(page, 5, 5)
    assert 50 < ink(page, ".lines canvas", BLUE) < one, "the key with 0.25 is not needed for half of the row"


def test_shift_click_adds_a_head_and_double_click_leaves_one(show):
    page = show()
    green = (0, 158, 115)
    cell(page, 0, 0).click()
    assert ink(page, ".lines canvas", green) == 0
    cell(page, 1, 2).click(modifiers=["Shift"])
    page.mouse.move(5, 5)
    expect(page.locator(".legend span")).to_have_text(["L0H0", "L1H2"])
    assert ink(page, ".lines canvas", green) > 50
    locked_in_python(page, "(0, 0)")
    cell(page, 1, 1).dblclick()
    page.mouse.move(5, 5)
    expect(page.locator(".legend span")).to_have_text(["L1H1"])
    locked_in_python(page, "(1, 1)")


def test_averages_are_shown_but_not_locked_in_the_page(show):
    page = show()
    weights = []
    for head in range(3):
        cell(page, 1, head).click()
        hover_cell(page, 5, 2)
        weights.append(float(page.locator(".readout").inner_text().rsplit(" ", 1)[1]))
    locked_in_python(page, "(1, 2)")
    cell(page, 1, "avg").click()
    expect(root(page)).to_have_attribute("data-locked", "1.avg")
    hover_cell(page, 5, 2)
    expect(page.locator(".name")).to_have_text("L1 avg")
    assert float(page.locator(".readout").inner_text().rsplit(" ", 1)[1]) == pytest.approx(sum(weights) / 3, abs=2e-4)
    locked_in_python(page, "(1, 2)")


def test_captions_say_what_heads_do_and_lead_there(show):
    page = show("captions")
    badges = page.locator(".badges li")
    expect(badges).to_have_text(["P previous token L0H0 L1H2", "< <b>induction</b> L1H0"])
    expect(cell(page, 1, 2).locator(".mark")).to_have_text("P")
    expect(cell(page, 1, 2)).to_have_attribute("aria-label", "L1H2, previous token")
    expect(page.locator(".does")).to_have_text("previous token")
    badges.nth(1).get_by_role("button", name="L1H0").click()
    locked_in_python(page, "(1, 0)")
    page.mouse.move(5, 5)
    expect(page.locator(".name")).to_have_text("L1H0")
    expect(page.locator(".does")).to_have_text("<b>induction</b>")
    expect(cell(page, 0, 1).locator(".mark")).to_have_count(0)


def test_the_theme_is_followed_without_a_rerun(show):
    page = show()
    thumb = ".grid button >> nth=0 >> canvas"
    assert pixel(page, thumb, 1, 5) == [255, 255, 255, 255]
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => performance.getEntriesByName('attention-view').length > 1")
    assert max(pixel(page, thumb, 1, 5)[:3]) < 40
    assert min(pixel(page, thumb, 0, 0)[1:3]) > 150, "the largest weight is bright on a dark page"


@pytest.mark.parametrize("size", ["1x1x1", "1x1x256", "12x12x16", "6x6x256", "1x4x11x27", "2x2x60x3"])
@pytest.mark.parametrize("width", [390, 1440])
def test_every_size_fits_the_page(show, size, width):
    page = show(f"size={size}", width=width, height=900)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    frame = root(page).bounding_box()
    for panel in page.locator(".grid, .map canvas, .lines canvas, .scale").all():
        box = panel.bounding_box()
        assert box["x"] >= frame["x"] - 1
        assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
    n_layer, n_head, *_ = (int(part) + (int(part) > 1) for part in size.split("x"))
    assert page.get_by_role("gridcell").count() == n_layer * n_head, "every head, and averages where there is more than one"


def test_a_rectangular_map_is_hovered_locked_walked_and_read(show):
    page = show("size=2x3x4x9")
    box = page.locator(".map canvas").bounding_box()
    assert 1.5 < box["width"] / box["height"] < 3
    thumb = page.locator(".grid button >> nth=0").bounding_box()
    assert thumb["width"] / thumb["height"] == pytest.approx(9 / 4, rel=0.05)
    hover_cell(page, 0, 8)
    expect(page.locator(".readout")).to_have_text("L0H0: query 0 't' reads key 8 '<8>' with 0.7500")
    assert ink(page, ".lines canvas", BLUE) > 50
    page.mouse.move(*map_point(page, 3.5, 8.5))
    expect(page.locator(".readout")).to_contain_text("query 3 '·' reads key 8 '<8>' with 0.031")
    page.mouse.move(*map_point(page, 4.5, 1.5))
    expect(root(page)).to_have_attribute("data-query", ""), "below the last query there is nothing"
    page.mouse.click(*map_point(page, 2.5, 6.5))
    expect(page.get_by_text("pinned: (2, 6)", exact=True)).to_be_visible()
    locked_in_python(page, "(0, 0)")
    page.locator(".weights summary").click()
    expect(page.locator(".weights caption")).to_have_text("Largest weights of query 2 'e', L0H0")
    expect(page.locator(".weights tbody tr >> nth=0")).to_have_text("2 'e'6 '<6>'0.7500")
    page.locator(".map").focus()
    for key in 9 * ["ArrowRight"] + 4 * ["ArrowDown"]:
        page.keyboard.press(key)
    expect(root(page)).to_have_attribute("data-query", "3")
    expect(root(page)).to_have_attribute("data-key", "8")
    cell(page, 1, 2).dblclick()
    page.mouse.move(5, 5)
    expect(page.locator(".legend span")).to_have_text(["L1H2"])
    locked_in_python(page, "(1, 2)")


def test_lines_of_a_rectangle_join_two_lists_of_tokens(show):
    page = show("size=1x1x4x9")
    canvas = page.locator(".lines canvas")
    box = canvas.bounding_box()
    label = canvas.get_attribute("aria-label")
    assert label.startswith("Lines from each query")
    rows = (box["height"] - 21 - 4) / 9  # a row of the longer column
    page.mouse.move(box["x"] + box["width"] - 8, box["y"] + 21 + 8.5 * rows)
    expect(root(page)).to_have_attribute("data-key", "8")
    expect(page.locator(".readout")).to_have_text(re.compile(r"key 8 '<8>' is read most where query 0 't' reads key 8 '<8>' with 0\.7500"))
    page.mouse.move(box["x"] + 8, box["y"] + 21 + 10)
    expect(root(page)).to_have_attribute("data-query", "0")
    expect(page.locator(".readout")).to_contain_text("query 0 't' reads key 8 '<8>' with 0.7500")


def test_hostile_tokens_are_only_text(show):
    page = show("hostile&size=2x2x40", width=390, height=900)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelectorAll('.attention script').length") == 0
    page.locator(".map").focus()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".readout")).to_contain_text("'<script>alert(1)</script>'")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".readout")).to_contain_text("x" * 39 + "…")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_small_form_is_only_the_grid(show):
    page = show("grid_only")
    expect(page.locator(".map")).to_be_hidden()
    expect(page.locator(".lines")).to_be_hidden()
    expect(page.get_by_text("where a head reads from, not what matters")).to_be_visible()
    cell(page, 1, 0).click()
    locked_in_python(page, "(1, 0)")
    expect(page.locator(".readout")).to_have_text("L1H0: locked")
    expect(page.locator(".readout")).to_be_visible()


def test_a_click_does_not_send_the_patterns_again(show, settled):
    frames: list[int] = []
    show("size=6x6x256")  # the first visit; the second is listened to from its start
    page = show("size=1x1x1")
    page.on("websocket", lambda socket: socket.on("framereceived", lambda payload: frames.append(len(payload))))
    page = show("size=6x6x256")
    assert sum(frames) < 4e6
    frames.clear()
    for head in [(2, 3), (4, 5), (0, 0)]:
        cell(page, *head).click()
        locked_in_python(page, str(head))
    settled(page)
    assert sum(frames) < 100_000


def test_nothing_is_drawn_while_nothing_happens(show):
    page = show()
    page.evaluate("window.frames_ = 0; const ask = requestAnimationFrame;"
                  "window.requestAnimationFrame = (draw) => { window.frames_++; return ask(draw); }; null")
    page.wait_for_timeout(500)
    assert page.evaluate("window.frames_") == 0
    hover_cell(page, 5, 4)
    assert page.evaluate("window.frames_") > 0


def test_a_pinned_cell_comes_back_and_the_page_can_move_it(show):
    page = show()
    page.mouse.click(*map_point(page, 5.5, 4.5))
    expect(page.get_by_text("pinned: (5, 4)", exact=True)).to_be_visible()
    locked_in_python(page, "(0, 0)")
    cell(page, 1, 2).click()
    locked_in_python(page, "(1, 2)")
    expect(page.get_by_text("pinned: (5, 4)", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pin the first cell").click()
    page.mouse.move(5, 5)
    expect(root(page)).to_have_attribute("data-query", "0")
    expect(root(page)).to_have_attribute("data-key", "0")
    expect(root(page)).to_have_attribute("data-locked", "1.2")
    page.locator(".map").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_text("pinned: None", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    locked_in_python(page, "None")
    expect(page.get_by_text("shown: (1, 2)", exact=True)).to_be_visible()


def test_a_pinned_token_stands_for_the_weight_that_the_readout_names(show):
    page = show()
    page.locator(".lines canvas").click(position={"x": 10, "y": 120})
    page.mouse.move(5, 5)
    query = int(root(page).get_attribute("data-query"))
    expect(page.locator(".readout")).to_contain_text(f"query {query} ")
    expect(page.locator(".readout")).to_contain_text(f"reads key {query - 1} ")
    expect(page.get_by_text(f"pinned: ({query}, {query - 1})", exact=True)).to_be_visible()


def test_lines_of_more_heads_by_keyboard(show):
    page = show()
    button = page.get_by_role("button", name="Compare lines")
    cell(page, 0, 0).focus()
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status").filter(has_text="adds its lines")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    button.focus()
    expect(page.locator(".legend span")).to_have_text(["L0H0", "L0H1", "L1H1"])
    locked_in_python(page, "None")
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".legend span")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator(".legend span")).to_have_count(1)


def test_lines_of_more_heads_by_touch_and_bright_on_dark(browser, serve, settled):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(serve(SCRIPT).url)
    settled(page)
    expect(page.get_by_text("Tap a head to lock it")).to_be_visible()
    expect(page.get_by_text("Hover to preview")).to_be_hidden()
    page.get_by_role("button", name="Compare lines").tap()
    cell(page, 1, 2).tap()
    page.get_by_role("button", name="Compare lines").tap()
    expect(page.locator(".legend span")).to_have_text(["L0H0", "L1H2"])
    locked_in_python(page, "None")
    cell(page, 0, 0).tap()
    locked_in_python(page, "(0, 0)")
    blue, green = (tuple(bytes.fromhex(head_color(head, on_dark=True)[1:])) for head in (0, 2))
    page.locator(".lines canvas").tap(position={"x": 10, "y": 120})
    assert ink(page, ".lines canvas", blue) > 50 and ink(page, ".lines canvas", green) > 5
    context.close()


def test_a_clicked_cell_is_explained_with_the_weight_that_the_view_says(app_server, page, settled):
    page.goto(f"{app_server.url}/?prompt=hear me speak")
    root(page).and_(page.locator("[data-layer='0'], [data-layer='1']")).wait_for(timeout=120_000)
    settled(page)
    cell(page, 1, 2).click()
    settled(page)
    page.mouse.click(*map_point(page, 9.5, 4.5))
    expect(page).to_have_url(re.compile(r"layer=1&head=2&query=9&key=4"), timeout=20_000)
    expect(page.get_by_label("Key", exact=True)).to_have_value("4 ·", timeout=20_000)
    page.mouse.move(5, 5)
    said = page.locator(".readout").inner_text()
    assert "L1H2: query 9 'p' reads key 4 '·' with" in said
    in_map = page.get_by_test_id("stMarkdown").filter(has_text="In the map").locator("strong")
    expect(in_map).to_have_text(said.rsplit(" ", 1)[1], timeout=20_000)
    heading = page.get_by_role("heading", name="One weight explained")
    page.evaluate("window.scrollTo(0, 0)")
    page.get_by_role("button", name=f"See how {said.rsplit(' ', 1)[1]} was computed").click()
    expect(heading).to_be_in_viewport(ratio=1)
    page.wait_for_timeout(800)  # smooth scrolling
    assert 40 < heading.bounding_box()["y"] < 200, "at the top, below the menu"
    weight = page.get_by_test_id("stMarkdown").filter(has_text="= weight").locator("strong").inner_text()
    assert float(weight) == pytest.approx(float(in_map.inner_text()), abs=1e-4)
    settled(page)
    page.get_by_label("Key", exact=True).click()
    page.keyboard.type("8 s")
    page.keyboard.press("Enter")
    expect(root(page)).to_have_attribute("data-key", "8", timeout=20_000)
    expect(in_map).to_have_text(page.locator(".readout").inner_text().rsplit(" ", 1)[1], timeout=20_000)
