"""The menu in a real browser: a path whose steps are all on the first screen, and the app's name on every tab."""

import re

from playwright.sync_api import Page, expect

from explorer.navigation import APP, ENTRIES

SECTIONS = ["Lecture", "Explore", "Train", "Compare", "Research tools"]


def test_every_step_of_the_path_is_on_the_first_screen_and_opens_its_pages(page: Page, app_server, choose_page, settled):
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
