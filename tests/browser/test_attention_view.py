"""The attention view on known patterns, in a real browser: what is painted, at which size, and what it costs."""

import pytest
from playwright.sync_api import expect

from explorer.figures.style import contrast
from tests.browser.attention import at_opacity, cell, hover_cell, ink, locked_in_python, pixel, root

WRITTEN = """() => {
  const write = CanvasRenderingContext2D.prototype.fillText;
  window.written_ = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    if (/^\\d\\.\\d\\d$/.test(text))
      window.written_.push([this.fillStyle, this.getTransform().e + x, this.getTransform().f + y]);
    write.call(this, text, x, y);
  };
}"""


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
    assert len(written) == 36 and len({color for color, *_ in written}) == 2, "black and white"
    for color, x, y in written:
        ground = pixel(page, ".map canvas", x - 0.4 * size, y - 0.4 * size)
        assert contrast(list(bytes.fromhex(color[1:])), ground[:3]) >= 4.5


def test_the_map_fills_the_screen_and_grows_with_it(show):
    for width, height in ((1440, 900), (1920, 1080)):
        page = show("size=4x6x60", width=width, height=height)
        box = page.locator(".map canvas").bounding_box()
        assert 0.93 * height < box["y"] + box["height"] < height, "down to the end of the first screen"
        assert box["height"] > 0.5 * height and box["width"] > 0.9 * box["height"]


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
    assert page.get_by_role("gridcell").count() == n_layer * n_head, (
        "every head, and averages where there is more than one"
    )


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
    show("size=6x6x110")  # the first visit; the second is listened to from its start
    page = show("size=1x1x1")
    page.on("websocket", lambda socket: socket.on("framereceived", lambda payload: frames.append(len(payload))))
    page = show("size=6x6x110")
    assert sum(frames) < 1e6
    frames.clear()
    for head in [(2, 3), (4, 5), (0, 0)]:
        cell(page, *head).click()
        locked_in_python(page, str(head))
    settled(page)
    assert sum(frames) < 100_000


def test_nothing_is_drawn_while_nothing_happens(show):
    page = show()
    page.evaluate(
        "window.frames_ = 0; const ask = requestAnimationFrame;"
        "window.requestAnimationFrame = (draw) => { window.frames_++; return ask(draw); }; null"
    )
    page.wait_for_timeout(500)
    assert page.evaluate("window.frames_") == 0
    hover_cell(page, 5, 4)
    assert page.evaluate("window.frames_") > 0
