"""The menu in a real browser: a path whose steps are all on the first screen, and the app's name on every tab."""

import re

from playwright.sync_api import Page, expect

from explorer.navigation import APP, ENTRIES

SECTIONS = ["Lecture", "After the lecture", "Explore", "Explore: research tools", "Train", "Compare"]


def test_every_step_of_the_path_is_on_the_first_screen_and_opens_its_pages(
    page: Page, app_server, choose_page, settled
):
    page.goto(app_server.url)
    settled(page)
    menu = page.get_by_test_id("stTopNav")
    steps = menu.get_by_role("button").or_(menu.get_by_role("link"))
    expect(steps).to_have_text([re.compile("Start$"), *SECTIONS])
    for step in steps.all():
        box = step.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1440 and box["y"] >= 0 and box["y"] + box["height"] <= 900
    for section in SECTIONS:
        menu.get_by_role("button", name=section, exact=True).click()
        pages = page.get_by_role("menuitem")
        expect(pages).to_have_count(sum(entry.section == section for entry in ENTRIES))
        last = pages.last.bounding_box()
        assert last["y"] + last["height"] <= 900, f"{section} ends below the first screen"
        page.keyboard.press("Escape")
    assert page.title() == f"Attention · {APP}"
    for entry in ENTRIES[-2:]:
        choose_page(page, entry.title)
        expect(page).to_have_title(f"{entry.title} · {APP}")
        assert page.url.partition("?")[0].endswith(f"/{entry.file.removesuffix('.py')}"), "old links keep working"


def test_the_question_is_beside_the_title_or_below_it_on_a_narrow_screen(page: Page, app_server, settled):
    page.goto(f"{app_server.url}/start")
    settled(page)
    heading = page.locator(".st-key-heading")
    parts = [
        heading.get_by_role("heading"),
        heading.get_by_text("Train small GPTs"),
        heading.get_by_role("button", name="Copy link"),
    ]
    expect(parts[-1]).to_be_visible()
    middle = lambda box: box["y"] + box["height"] / 2  # noqa: E731
    title, question, button = [part.bounding_box() for part in parts]
    assert max(map(middle, (title, question, button))) - min(map(middle, (title, question, button))) < 8, "one line"
    assert title["x"] + title["width"] <= question["x"] < question["x"] + question["width"] <= button["x"]
    page.set_viewport_size({"width": 390, "height": 844})
    title, question, button = [part.bounding_box() for part in parts]
    assert abs(middle(title) - middle(button)) < 8 and title["x"] + title["width"] <= button["x"]
    assert question["y"] >= max(box["y"] + box["height"] for box in (title, button)) and question["width"] > 340
