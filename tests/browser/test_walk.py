"""A newcomer's way through the app: prompt → click a head → hover → generate → train 50 steps → compare."""

import re

from playwright.sync_api import Page, expect

READY = 120_000  # ms: torch is still to be imported, perhaps on a busy machine


def test_from_a_prompt_to_a_comparison(page: Page, app_server, choose_page, settled):
    page.goto(app_server.url)
    page.get_by_role("button", name="Skip").click(timeout=READY)
    view = page.locator(".attention")
    expect(view).to_have_attribute("data-layer", re.compile(r"\d"), timeout=READY)
    settled(page)

    prompt = page.get_by_role("textbox", name="Prompt", exact=True)
    prompt.fill("To be, or not to be")
    prompt.press("Control+Enter")
    expect(page.get_by_text("19 tokens")).to_be_visible(timeout=READY)

    page.locator(".grid button[data-layer='1'][data-head='2']").click()
    expect(page).to_have_url(re.compile("layer=1.*head=2|head=2.*layer=1"))
    map_canvas = page.locator(".map canvas")
    box = map_canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.7)
    expect(page.locator(".readout")).to_contain_text(re.compile(r"query \d+ '.' reads key \d+ '.' with \d"))
    assert_painted(page, ".lines canvas")

    page.get_by_label("Tokens", exact=True).fill("20")
    page.get_by_label("Tokens", exact=True).press("Enter")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("was sampled with probability")).to_be_visible(timeout=READY)
    settled(page)
    expect(page.get_by_test_id("stCode").first).to_contain_text(re.compile(r"\w{3}"))

    choose_page(page, "Train")
    page.get_by_label("Steps", exact=True).fill("50")
    page.get_by_label("Steps", exact=True).press("Enter")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile("finished", re.IGNORECASE)).first).to_be_visible(timeout=2 * READY)
    assert [folder for folder in app_server.runs.iterdir() if (folder / "snapshots" / "000050.safetensors").exists()]

    choose_page(page, "Compare")
    expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("To be, or not to be")
    expect(page.get_by_text("bits per character").first).to_be_visible(timeout=READY)
    settled(page)
    for sample in page.get_by_test_id("stCode").all()[:2]:
        expect(sample).to_contain_text(re.compile(r"\w{3}"))


def assert_painted(page: Page, selector: str) -> None:
    ink = """canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value, i) => i % 4 === 3 && value > 0);
    }"""
    assert page.locator(selector).evaluate(ink), f"nothing is painted on {selector}"
