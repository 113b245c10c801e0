"""Five rungs of the ladder race each other, from the page."""

import pytest
from playwright.sync_api import expect

from gpt import load_run


@pytest.mark.soak
def test_a_five_rung_race_runs_to_its_end(page, app_server, choose_page, settled):
    page.goto(app_server.url)
    settled(page)
    choose_page(page, "Ladder race")
    expect(page.get_by_text("No race yet")).to_be_visible()
    steps = page.get_by_role("spinbutton", name="Steps, at most")
    steps.fill("50")
    steps.press("Enter")
    settled(page)
    page.get_by_role("button", name="Start the race").click()
    expect(page.get_by_text("Finished")).to_have_count(5, timeout=180_000)
    settled(page)
    expect(page.locator(".js-plotly-plot .scatterlayer .trace")).to_have_count(10)
    for rung in range(1, 6):
        run = load_run(app_server.runs / f"race-1-rung-{rung}")
        loss = run.metrics()[-1]["val_loss"]
        assert run.status.state == "finished"
        expect(page.get_by_text(f"validation loss {loss:.3f}").first).to_be_visible()
    assert "race=race-1" in page.url
    page.set_viewport_size({"width": 390, "height": 844})
    main = page.get_by_test_id("stMain")
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth")
