"""The attention view of a model with many heads: small patterns of all, full ones of a layer on demand."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.attention import cell, hover_cell, locked_in_python, root
from tests.browser.attention_script import patterns_of

SIZE = (30, 9, 256)
QUERY = "size=" + "x".join(map(str, SIZE))


@pytest.fixture(scope="module")
def patterns():
    return patterns_of(*SIZE, seed=0)


@pytest.fixture
def frames(page) -> list[int]:
    """The bytes of every message to the browser."""
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda payload: sizes.append(len(payload))))
    return sizes


def full(page: Page, name: str) -> None:
    """Wait for the full pattern of this head."""
    expect(page.locator(".name")).to_have_text(name)
    expect(root(page)).to_have_attribute("data-full", "true", timeout=20_000)


def weight(page: Page, query: int, key: int) -> float:
    hover_cell(page, query, key)
    return float(page.locator(".readout").inner_text().rsplit(" ", 1)[1])


def test_the_first_view_is_small_and_a_layer_comes_when_it_is_looked_at(show, frames, patterns):
    page = show(QUERY)
    full(page, "L0H0")
    assert sum(frames) < 2e6, "small patterns of all heads, and the full ones of one layer"
    frames.clear()
    cell(page, 20, 4).hover()
    full(page, "L20H4")
    assert 9 * 256 * 257 < sum(frames) < 9 * 256 * 257 + 50_000, "only the layer was sent"
    frames.clear()
    cell(page, 20, 7).click()
    locked_in_python(page, "(20, 7)")
    full(page, "L20H7")
    for query, key in ((200, 3), (255, 254), (100, 100)):
        assert weight(page, query, key) == pytest.approx(patterns[20, 7, query, key], abs=5.1e-5)
    assert sum(frames) < 100_000, "the layer was here already"


def test_until_the_full_pattern_is_here_the_small_one_is_shown(show):
    page = show(QUERY)
    full(page, "L0H0")
    page.evaluate("globalThis.attentionMessages.get('view').ask = () => null")
    cell(page, 7, 2).hover()
    expect(page.locator(".readout")).to_have_text("L7H2: its weights are on their way")
    painted = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(v => v)"
    assert page.locator(".map canvas").evaluate(painted)
    expect(root(page)).to_have_attribute("data-full", "false")


def test_averages_are_those_of_the_full_patterns(show, patterns):
    page = show(QUERY)
    for layer, head, name, mean in (
        (12, "avg", "L12 avg", patterns[12].mean(0)),
        ("avg", 3, "avg H3", patterns[:, 3].mean(0)),
        ("avg", "avg", "avg", patterns.mean((0, 1))),
    ):
        cell(page, layer, head).click()
        full(page, name)
        assert weight(page, 250, 17) == pytest.approx(mean[250, 17], abs=1e-4)


def test_a_head_that_the_page_locks_comes_without_being_asked_for(show, frames, patterns):
    page = show(QUERY)
    page.get_by_role("button", name="Move to the last head").click()
    locked_in_python(page, "(29, 8)")
    full(page, "L29H8")
    assert weight(page, 128, 5) == pytest.approx(patterns[29, 8, 128, 5], abs=5.1e-5)
    arrivals = "performance.getEntriesByName('attention-view').length"
    before = page.evaluate(arrivals)
    page.get_by_label("Seed").fill("7")
    page.keyboard.press("Enter")
    page.wait_for_function(f"(before) => {arrivals} > before", arg=before)
    full(page, "L29H8")
    other = patterns_of(*SIZE, seed=7)
    assert weight(page, 128, 5) == pytest.approx(other[29, 8, 128, 5], abs=5.1e-5)
