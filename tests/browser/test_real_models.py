"""A model from elsewhere, opened by keyboard from the dialog, and by its link."""

import re

from playwright.sync_api import expect

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
