"""A model from elsewhere, opened by keyboard from the dialog, and by its link."""

import re

from playwright.sync_api import expect

from explorer.real_models import add_model
from gpt import load_pretrained
from tests.gpt.checkpoints.gguf_files import write_tiny


def test_a_model_opens_by_keyboard_and_its_link_restores_it(app_server, page, settled, tmp_path):
    file = write_tiny(tmp_path / "tiny.gguf")
    page.goto(app_server.url)
    settled(page)
    opener = page.get_by_role("button", name="Open a model…").first
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    box = dialog.get_by_role("textbox")
    box.fill(str(tmp_path / "no-such-model"))
    box.press("Enter")
    expect(dialog.get_by_text("no-such-model", exact=False).last).to_be_visible()
    expect(dialog.get_by_role("button", name="Try again")).to_be_visible()
    box.fill(str(file))
    box.press("Enter")
    expect(page).to_have_url(re.compile(r"model=real%2Ftiny"))
    expect(dialog).to_have_count(0)
    settled(page)
    page.goto(f"{app_server.url}/?model=real/tiny&prompt=then the")
    settled(page)
    expect(page.get_by_text(re.compile(r"^\d tokens\.$"))).to_be_visible()
    expect(page.locator(".attention[data-layer]:not([data-layer=''])")).to_be_visible()


OVERLAPS = """table => [...table.querySelectorAll(".textpoint text")].map(text => text.getBoundingClientRect()).filter(
    (box, i, boxes) => boxes.some((next, j) => j > i && Math.abs(box.top - next.top) < 5 && box.left < next.right - 1
        && next.left < box.right - 1)).length"""


def test_the_tokens_of_a_deep_models_logit_lens_do_not_overlap_on_a_phone(
    app_server, page, settled, tmp_path, monkeypatch
):
    file = write_tiny(tmp_path / "deep.gguf", layers=12)
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(app_server.runs))
    add_model(str(file), load_pretrained(file))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app_server.url}/logits?model=real/deep&prompt=then the other")
    settled(page)
    table = page.get_by_label("Table of the likeliest").locator(".js-plotly-plot")
    expect(table.locator(".textpoint text").first).to_be_visible()
    assert table.evaluate(OVERLAPS) == 0
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
