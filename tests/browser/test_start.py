"""A newcomer's first minutes in a real browser: welcome → a head that copies → switched off → a prompt of their own."""

import re

import torch
from playwright.sync_api import Page, expect

from explorer import start as welcome
from gpt import load_run
from gpt.lens.interventions import head_off

READY = 120_000  # ms: torch is still to be imported, perhaps on a busy machine


def told(prompt: str) -> tuple[str, float, float]:
    """What the page must say of the token that is likeliest before the welcome's head is off; its probability
    before and after.
    """
    run = load_run(f"assets/models/{welcome.COPYING['model']}")
    model, ids = run.model(), torch.tensor([run.tokenizer.encode(prompt)])
    off = head_off(int(welcome.COPYING["layer"]), int(welcome.COPYING["head"]))
    with torch.inference_mode():
        before, after = (model.run_with_hooks(ids, hooks)[0, -1].softmax(-1) for hooks in ({}, off))
    likeliest = int(before.argmax())
    token, was, now = run.tokenizer.decode([likeliest]), before[likeliest].item(), after[likeliest].item()
    return f"“{token}”: {was:.1%} → {now:.1%}", was, now


def test_a_newcomer_sees_a_head_copy_switches_it_off_and_types_a_prompt(page: Page, app_server, choose_page, settled):
    page.goto(app_server.url)
    strip, view = page.locator(".st-key-welcome"), page.locator(".attention")
    expect(strip).to_contain_text("This square is one head", timeout=READY)
    expect(view).to_have_attribute("data-layer", re.compile(r"\d"), timeout=READY)
    strip.get_by_role("button", name="This head copies: see it").click()
    expect(view).to_have_attribute("data-locked", "1.0", timeout=READY)
    expect(page.locator(".readout")).to_contain_text("query 11 'e' reads key 5 't'")
    expect(view.locator(".does")).to_contain_text("induction")
    strip.get_by_role("button", name="Switch it off: see what breaks").click()

    said, was, now = told(welcome.COPYING["prompt"])
    assert was > 0.9 and now < 0.1, "the welcome shows something that breaks"
    words = page.get_by_text(said)
    expect(words).to_be_visible(timeout=READY)
    settled(page)
    assert words.bounding_box()["y"] < 800, "on the first screen"
    expect(page.get_by_text("Active: Head off: zero, L1H0.")).to_be_visible()
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("sunlightsunligh")
    prompt.press("Control+Enter")
    expect(page.get_by_text(told("sunlightsunligh")[0])).to_be_visible(timeout=READY)
    settled(page)
    strip.get_by_role("button", name="Done").click()
    expect(strip).to_have_count(0)

    page.goto(app_server.url)
    expect(view).to_have_attribute("data-layer", re.compile(r"\d"), timeout=READY)
    settled(page)
    expect(strip).to_have_count(0)
    choose_page(page, "Start")
    page.get_by_role("button", name="See one head").click()
    expect(strip).to_contain_text("1 of 3", timeout=READY)
    strip.get_by_role("button", name="Skip").click()
    expect(strip).to_have_count(0)


def test_a_link_opens_what_it_names_and_on_a_phone_the_welcome_covers_nothing(page: Page, app_server, settled):
    page.set_viewport_size({"width": 390, "height": 844})
    strip, view = page.locator(".st-key-welcome"), page.locator(".attention")
    page.goto(f"{app_server.url}/?model=shakespeare-char&layer=2&head=3")
    expect(view).to_have_attribute("data-locked", "2.3", timeout=READY)
    settled(page)
    expect(strip).to_have_count(0)
    page.goto(app_server.url)
    expect(strip).to_be_visible(timeout=READY)
    expect(view).to_have_attribute("data-layer", re.compile(r"\d"), timeout=READY)
    settled(page)
    top, below = strip.bounding_box(), view.bounding_box()
    assert top["y"] + top["height"] <= below["y"]
    assert top["height"] < 844 / 2 and top["x"] >= 0 and top["x"] + top["width"] <= 390
