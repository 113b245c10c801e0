"""Heads that are locked and cells that are pinned in the attention view, by the person or by the page, in a real
browser.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.attention import cell, hover_cell, locked_in_python, map_point, pixel, root


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


def test_a_clicked_cell_is_explained_with_the_weight_that_the_view_shows(app_server, page, settled):
    page.goto(f"{app_server.url}/?prompt=hear me speak")
    root(page).and_(page.locator("[data-layer='0'], [data-layer='1']")).wait_for(timeout=120_000)
    settled(page)
    cell(page, 1, 2).click()
    settled(page)
    page.mouse.click(*map_point(page, 9.5, 4.5))
    expect(page).to_have_url(re.compile(r"layer=1&head=2&query=9&key=4"), timeout=20_000)
    expect(page.get_by_label("Key", exact=True)).to_have_value("4 ·", timeout=20_000)
    page.mouse.move(5, 5)
    readout = page.locator(".readout").inner_text()
    assert "L1H2: query 9 'p' reads key 4 '·' with" in readout
    in_map = page.get_by_test_id("stMarkdown").filter(has_text="In the heatmap").locator("strong")
    assert float(in_map.inner_text()) == pytest.approx(float(readout.rsplit(" ", 1)[1]), abs=6e-5)
    heading = page.get_by_role("heading", name="One weight explained")
    page.evaluate("window.scrollTo(0, 0)")
    computed = page.get_by_role("button", name=f"See how {readout.rsplit(' ', 1)[1]} was computed")
    frame, link = root(page).bounding_box(), computed.bounding_box()
    assert link["x"] + link["width"] <= frame["x"] + frame["width"] + 0.5, "the link ends inside the view"
    computed.click()
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
    settled(page)
    weight = page.locator(".readout").inner_text().rsplit(" ", 1)[1]
    assert float(in_map.inner_text()) == pytest.approx(float(weight), abs=6e-5)
