"""The pages after the lecture in a real browser: an exercise by keyboard and click, and every page narrow and dark."""

import re

from playwright.sync_api import Page, expect

from explorer.navigation import AFTER, ENTRIES
from tests.browser.test_lecture import READY, WRONG, wait_until_fitting, wait_until_readable


def test_gradients_step_back_and_one_waits_for_its_answer(page: Page, app_server, choose_page, settled):
    page.goto(f"{app_server.url}/backward")
    loss, p, s, hidden = (
        page.get_by_role("button", name=re.compile(f"^{name}, ")) for name in ("loss", "p₁", "s", "z₀")
    )
    expect(loss).to_have_accessible_name("loss, −ln p₁: value 0.46, gradient not known yet", timeout=READY)
    settled(page)
    page.get_by_role("button", name="Next").click()
    expect(loss).to_have_accessible_name("loss, −ln p₁: value 0.46, gradient 1.00")
    settled(page)
    page.keyboard.press("ArrowRight")
    expect(p).to_have_accessible_name("p₁, e₁ / s: value 0.63, gradient −1.59")
    s.press("Enter")
    expect(s).to_have_accessible_name("s, e₀ + e₁ + e₂: value 11.76, gradient 0.09")
    expect(page.get_by_text("step 3 of 9")).to_be_visible()
    hidden.click()
    expect(hidden).to_have_accessible_name("z₀, given: value 1.00, gradient ?")
    page.get_by_label("What is the gradient of z₀").fill("0.23")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Right: 0.2312.")).to_be_visible()
    expect(hidden).to_have_accessible_name("z₀, given: value 1.00, gradient 0.23")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    for entry in (entry for entry in ENTRIES if entry.section == AFTER):
        choose_page(page, entry.title)
        settled(page)
        assert not page.locator(WRONG).all_inner_texts(), entry.title
        wait_until_fitting(page, entry.title)
        wait_until_readable(page, entry.title, dark=True)
