"""The grid of the attention view in another order, filtered, and fitted into the first screen."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.attention import cell, locked_in_python, root


def shows(page: Page, *names: str) -> None:
    """Wait until the grid begins with these heads."""
    cells = page.locator(".grid button")
    for place, name in enumerate(names):
        expect(cells.nth(place)).to_have_attribute("data-name", name)


def shows_only(page: Page, *names: str) -> None:
    """Wait until the grid has these heads."""
    expect(page.locator(".grid button")).to_have_count(len(names))
    shows(page, *names)


def arranged(page: Page, order: str) -> None:
    """Wait until the page knows of this order, role and filter."""
    expect(page.get_by_text(f"arranged: {order}", exact=True)).to_be_visible()


def test_heads_are_sorted_by_a_score_and_back(show):
    page = show("size=2x3x8&arrange")
    shows(page, "L0H0", "L0H1", "L0H2", "L0 avg")
    page.get_by_label("Order").select_option("induction")
    shows_only(page, "L1H2", "L1H1", "L1H0", "L0H2", "L0H1", "L0H0")
    arranged(page, "induction, all, False")
    cell(page, 1, 1).click()
    locked_in_python(page, "(1, 1)")
    page.get_by_label("Order").select_option("duplicate token")
    shows_only(page, "L0H0", "L0H1", "L0H2", "L1H0", "L1H1", "L1H2")  # without a score, by layer
    page.get_by_label("Order").select_option("layer")
    shows(page, "L0H0", "L0H1", "L0H2", "L0 avg")


def test_roles_and_heads_at_rest_are_filtered_and_nothing_left_says_what_to_do(show):
    page = show("size=2x3x8&arrange&captions")
    page.get_by_label("Role").select_option("previous token")
    shows_only(page, "L0H0", "L1H2")
    page.get_by_label("Role").select_option("<b>induction</b>")
    shows_only(page, "L1H0")  # the layer without such a head is left out
    expect(page.locator(".grid [role='rowheader']")).to_have_text(["L1"])
    expect(page.get_by_text("Hide heads at rest: over 80 % on the first token")).to_be_visible()
    page.get_by_label("Hide heads at rest").check()
    arranged(page, "layer, <b>induction</b>, True")
    empty = page.get_by_role("status").filter(has_text="No head is left")
    expect(empty).to_be_visible()
    empty.get_by_role("button", name="show all heads").click()
    expect(empty).to_be_hidden()
    expect(page.locator(".grid button")).to_have_count(12)
    arranged(page, "layer, all, False")
    page.get_by_label("Hide heads at rest").check()
    shows_only(page, "L0H1", "L0H2", "L1H1", "L1H2")


def test_arrow_keys_walk_over_what_is_shown(show):
    page = show("size=3x3x8&arrange")
    page.get_by_label("Hide heads at rest").check()
    cell(page, 0, 1).focus()
    for key, name in (("ArrowLeft", "L0H1"), ("ArrowRight", "L0H2"), ("ArrowDown", "L1H2"), ("Home", "L1H1")):
        page.keyboard.press(key)
        expect(page.locator(".name")).to_have_text(name)
    page.get_by_label("Order").select_option("induction")
    cell(page, 2, 2).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    locked_in_python(page, "(2, 1)")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1920, 1080)])
def test_all_layers_of_a_deep_model_are_on_the_first_screen(show, width, height):
    page = show("size=30x9x64&arrange", width=width, height=height)
    boxes = [each.bounding_box() for each in page.locator(".grid button").all()]
    assert len(boxes) == 31 * 10
    assert max(box["y"] + box["height"] for box in boxes) <= height
    assert min(box["width"] for box in boxes) >= 13 and min(box["height"] for box in boxes) >= 13
    large = page.locator(".map canvas").bounding_box()
    assert large["width"] > 0.3 * width and large["y"] + large["height"] < height


def test_a_narrow_grid_scrolls_by_itself(show):
    page = show("size=30x9x64&arrange", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Order").select_option("induction")
    shows(page, "L29H8")
    grid = page.locator(".grid").bounding_box()
    assert grid["height"] <= 844
    last = page.locator(".grid button[data-name='L0H0']")
    last.scroll_into_view_if_needed()
    last.click()
    locked_in_python(page, "(0, 0)")
    expect(root(page)).to_have_attribute("data-locked", "0.0")


def test_an_order_lasts_when_the_patterns_change(show, settled):
    page = show("size=2x3x8&arrange")
    page.get_by_label("Order").select_option("induction")
    arranged(page, "induction, all, False")
    page.get_by_label("Seed").fill("7")
    page.keyboard.press("Enter")
    page.wait_for_function("() => performance.getEntriesByName('attention-view').length > 1")
    settled(page)
    shows(page, "L1H2", "L1H1")
