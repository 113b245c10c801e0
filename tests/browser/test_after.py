"""In a browser: an exercise of each act by keyboard and click, and every page after the lecture, narrow and dark."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from explorer.lecture.exercises.exercise import Options
from explorer.lecture.exercises.registry import EXERCISES
from explorer.lecture.kit.chapters import find_chapter
from explorer.navigation import AFTER, ENTRIES
from tests.browser.test_lecture import READY, WRONG, wait_until_fitting, wait_until_readable

ANSWERS = {  # one exercise of each act
    "bigram-likeliest": "e", "product-entry": "13", "layernorm-by-hand": "1.34", "gpt2-embedding": "31",
    "rotary-near": "0.5",
}  # fmt: skip


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


def test_an_exercise_of_each_act_is_solved_and_the_browser_keeps_it(page: Page, app_server, choose_page, settled):
    page.goto(app_server.url)
    titles = {entry.file: entry.title for entry in ENTRIES}
    for name, answer in ANSWERS.items():
        exercise = EXERCISES[name]
        choose_page(page, titles[find_chapter(exercise.chapter).page])
        box = page.locator(f".st-key-exercise-{name}")
        check = box.get_by_role("button", name="Check")
        expect(check).to_be_disabled(timeout=READY)
        settled(page)
        if isinstance(exercise.ask, Options):
            box.get_by_role("radio", name=answer, exact=True).click()
            expect(check).to_be_enabled()
            check.click()
        else:
            box.get_by_role("spinbutton").fill(answer)
            page.keyboard.press("Enter")
            expect(check).to_be_enabled()
            check.press("Enter")
        expect(box.get_by_text("Right:")).to_be_visible(timeout=READY)
    page.get_by_role("button", name="Exercises to print").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Questions").click()
    assert "Name" in Path(download.value.path()).read_text(encoding="utf-8")
    page.goto(f"{app_server.url}/conclusions")
    expect(page.get_by_text(f"Exercises solved: {len(ANSWERS)} of {len(EXERCISES)}")).to_be_visible(timeout=READY)
