"""The Compare page in a real browser: what is painted, what streams, what a pointer and the keys find."""

import re

import pytest
import torch
from playwright.sync_api import expect

from gpt import Corpus, GPTConfig, Recipe, create_run
from gpt.train.loop import train

TEXT = 40 * "First Citizen: Before we proceed any further,\nhear me speak.\n"


@pytest.fixture
def compare(app_server, page, choose_page, settled):
    for name, n_layer in (("tiny", 12), ("table", 0)):  # many layers, so that its samples take seconds
        if not (app_server.runs / name).exists():
            model = GPTConfig(block_size=32, n_layer=n_layer, n_head=2, n_embd=8)
            recipe = Recipe(model=model, text="own", steps=2, batch_size=2, eval_batches=1, snapshots=1)
            train(
                create_run(app_server.runs / name, recipe, Corpus("own", TEXT, "made for a test")), torch.device("cpu")
            )

    def open_with(prompt: str = "hear me", width: int = 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{app_server.url}/?model=runs/tiny&against=runs/table&prompt={prompt}")
        settled(page)
        choose_page(page, "Compare")
        expect(page.get_by_role("heading", name="Compare", level=1)).to_be_visible()
        settled(page)
        return page

    yield open_with
    stopped = page.get_by_role("button", name="Go on")
    expect(page.get_by_role("button", name="Stop", disabled=True).or_(stopped)).to_be_visible(timeout=90_000)


def test_samples_stream_side_by_side_and_stop_keeps_them(compare, settled):
    page = compare()
    page.get_by_role("spinbutton", name="Tokens").fill("1000")
    page.keyboard.press("Enter")
    samples = page.get_by_test_id("stCode").locator("code")
    expect(samples).to_have_count(2)
    expect(page.get_by_role("button", name="Stop")).to_be_enabled(timeout=30_000)
    expect(samples.first).to_have_text(re.compile(r"\S"), timeout=30_000)
    place = page.get_by_role("heading", name="Where the prompt surprises them").bounding_box()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Go on")).to_be_enabled(timeout=30_000)
    settled(page)
    written = samples.all_inner_texts()
    assert all(0 < len(text) < 1000 for text in written)
    page.wait_for_timeout(1500)
    assert samples.all_inner_texts() == written
    assert page.get_by_role("heading", name="Where the prompt surprises them").bounding_box()["y"] == place["y"]


def test_surprise_is_painted_and_read_out_under_the_pointer_and_by_keys(compare):
    page = compare()
    left = page.locator(".cells").nth(0)
    cells = left.locator(".cell")
    expect(cells).to_have_count(len("hear me"), timeout=30_000)
    assert left.locator(".tokens").inner_text().replace("·", " ").strip() == "hear me"
    colours = cells.evaluate_all("cells => cells.map((cell) => getComputedStyle(cell).backgroundColor)")
    assert len(set(colours[1:])) > 1
    cells.nth(3).hover()
    model = r"[\d.]+ nats = [\d.]+ bits, token r: p = [\d.]+%, rank \d+"
    expect(left.locator(".readout")).to_have_text(re.compile(rf"^3 r\s+{model}\s+runs/table: {model}$"))
    left.locator(".tokens").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(left.locator(".readout")).to_have_text(re.compile(r"^5 m"))


def test_words_are_painted_and_read_out_under_the_pointer(compare):
    page = compare("hear me, hear me")
    cells = page.locator(".js-plotly-plot:has-text('reads from')")
    expect(cells.locator(".yaxislayer-above text, .ytick text")).to_have_text(
        ["hear", "me", ",", "hear", "me"], timeout=30_000
    )
    expect(page.get_by_text("runs/table has no heads")).to_be_visible()
    cells.scroll_into_view_if_needed()
    box = cells.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.9 * box["height"])
    expect(cells.locator(".hoverlayer")).to_contain_text("4 me reads from 0 hear", timeout=10_000)


def test_losses_are_painted_as_numbers_and_bars(compare):
    page = compare()
    expect(page.get_by_test_id("stMetric").filter(has_text="Perplexity")).to_have_count(2, timeout=60_000)
    bars = page.locator(".plot .bars path")
    expect(bars).to_have_count(3, timeout=30_000)
    widths = [bar.bounding_box()["width"] for bar in bars.all()]
    assert all(width > 10 for width in widths)


def test_markup_in_the_prompt_stays_text(compare):
    page = compare("<img src=x onerror=alert(1)>")
    expect(page.locator(".cells").nth(0).locator(".tokens")).to_contain_text(
        "<img·src=x·onerror=alert(1)>", timeout=30_000
    )
    assert page.locator(".cells img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(compare, scheme):
    page = compare(width=390)
    page.emulate_media(color_scheme=scheme)
    expect(page.locator(".cells").nth(2)).to_be_visible(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
