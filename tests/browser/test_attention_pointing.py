"""What the attention view says of a cell or a token that is pointed at: the value, zoom, and lines, in a real
browser.
"""

import re

import pytest
from playwright.sync_api import expect

from explorer.figures.style import head_color
from tests.browser.attention import BLUE, SCRIPT, cell, hover_cell, ink, locked_in_python, map_point, root


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


def test_a_hidden_first_token_is_named_and_the_rest_of_a_row_sums_to_one(show):
    page = show("hide_first")
    expect(page.locator(".status")).to_have_text("not locked; first token hidden")
    hover_cell(page, 1, 1)
    expect(page.locator(".readout")).to_have_text("L0H0: query 1 'h' reads key 1 'h' with 1.0000")
    hover_cell(page, 5, 4)
    expect(page.locator(".tip b")).to_have_text("0.7500")
    for query, key in ((5, 0), (0, 0)):
        hover_cell(page, query, key)
        expect(page.locator(".readout")).to_have_text("L0H0: the first token, 0 't', is hidden")
        expect(page.locator(".tip b")).to_have_text("hidden")
    assert ink(page, ".lines canvas", BLUE) == 0, "the first query has no keys left"
    hover_cell(page, 2, 5)
    expect(page.locator(".tip b")).to_have_text("masked")


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
    assert now == pytest.approx((x, y), abs=float(canvas.get_attribute("data-cell"))), (
        "what is under the pointer stays there"
    )
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
    assert (
        inside["x"] < place[0] < inside["x"] + inside["width"]
        and inside["y"] < place[1] < inside["y"] + inside["height"]
    )
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
    expect(page.locator(".lines canvas")).to_have_attribute(
        "aria-label", "Lines from each query to the keys it reads: L0H0."
    )
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
    expect(page.locator(".readout")).to_have_text(
        re.compile(r"key 8 '<8>' is read most where query 0 't' reads key 8 '<8>' with 0\.7500")
    )
    page.mouse.move(box["x"] + 8, box["y"] + 21 + 10)
    expect(root(page)).to_have_attribute("data-query", "0")
    expect(page.locator(".readout")).to_contain_text("query 0 't' reads key 8 '<8>' with 0.7500")
