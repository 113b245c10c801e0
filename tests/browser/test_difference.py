"""The difference mode of the Attention page, from the control to the numbers under the pointer."""

import re

import pytest
from playwright.sync_api import expect

from explorer.opened import SHIPPED
from gpt import load_run
from gpt.lens.interventions import head_off
from tests.browser.attention import cell, hover_cell, ink, root

PROMPT = 2 * "kvmtdqwsaphrznje"
OFF = "zero-0-1"  # the previous-token head, on which the induction heads of the next layer depend


@pytest.fixture(scope="module")
def sides():
    """The patterns of L1H0 before and after that head is off, each (T, T)."""
    import torch

    run = load_run(SHIPPED / "induction")
    ids, model = torch.tensor([run.tokenizer.encode(PROMPT)]), run.model()
    with torch.inference_mode():
        before = model.run_with_cache(ids, "blocks.1.attn.hook_pattern")[1]["pattern", 1][0, 0]
        with model.hooks(head_off(0, 1)):
            after = model.run_with_cache(ids, "blocks.1.attn.hook_pattern")[1]["pattern", 1][0, 0]
    return before, after


def test_a_head_is_off_and_the_heads_that_need_it_change(app_server, page, settled, sides):
    before, after = sides
    page.goto(f"{app_server.url}/?model=induction&changes={OFF}")
    settled(page)
    page.get_by_test_id("stSelectbox").filter(has_text="Difference").get_by_role("combobox").click()
    page.get_by_role("option", name="Interventions").click()
    expect(page.get_by_text("Changed most: L1H0")).to_be_visible()
    page.wait_for_url(re.compile("difference=interventions"))
    settled(page)
    expect(root(page)).to_have_count(1)
    first = page.locator(".grid button").first
    largest = (after - before).abs().argmax()
    query, key = divmod(int(largest), len(PROMPT))
    expect(page.locator(".readout")).to_contain_text(re.compile(f"for example, query {query} .* key {key} "))
    expect(first).to_have_attribute("data-name", re.compile(r"L1H0\n0\.\d\d"))
    moved = float((after - before).abs().sum(-1).mean() / 2)
    assert f"moved {moved:.2f}" in first.get_attribute("aria-label")

    hover_cell(page, 20, 5)
    a, b = float(before[20, 5]), float(after[20, 5])
    assert a - b > 0.3, "the induction head reads what followed the first copy, until that head is off"
    told = f"A {a:.2f} → B {b:.2f}, −{a - b:.2f}"
    expect(page.locator(".readout")).to_contain_text(told)
    expect(page.locator(".tip b")).to_have_text(told)
    page.mouse.move(0, 0)
    assert ink(page, ".map canvas", (213, 94, 0)) > 100 and ink(page, ".map canvas", (0, 114, 178)) > 100

    cell(page, 1, 3).click()
    expect(page.locator(".status")).to_have_text("locked")
    page.wait_for_url(re.compile("layer=1&.*head=3|head=3&.*layer=1"))
    page.locator(".grid button").first.focus()
    page.keyboard.press("ArrowRight")
    assert root(page).get_attribute("data-layer") == "1"
    page.locator(".order").select_option("layer")
    expect(page.locator(".grid button").first).to_have_attribute("data-name", re.compile("L0H0"))
    page.wait_for_url(re.compile("difference-order=layer"))
