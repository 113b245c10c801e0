"""A run as one HTML file, opened from the disk without a network."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from explorer.train.runs.page import run_page
from gpt import load_run

INDUCTION = Path(__file__).parents[2] / "assets" / "models" / "induction"
COLORS = """grid => [...grid.querySelectorAll('button canvas')].map(canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
})"""


def test_the_film_plays_and_the_heads_are_painted(tmp_path, offline: Page):
    file = tmp_path / "run.html"
    prompts = ["planetsplanets", "dragonflydragonflydrag"]
    file.write_bytes(run_page(load_run(INDUCTION), lambda done, total, what: None, prompts))
    offline.goto(file.as_uri())
    film, heads = offline.locator("[data-view=film]"), offline.locator("[data-view=attention]")
    for view, count in ((film, 8), (heads, 15)):  # the heads, with the averages of the attention view
        expect(view.locator(".grid button")).to_have_count(count)
        offline.wait_for_function(
            f"grid => ({COLORS})(grid).every(colors => colors > 2)", arg=view.locator(".grid").element_handle()
        )
    expect(film.locator(".where")).to_have_text("Step 4,000 · 40 of 40")
    film.get_by_role("button", name="Play").press("Home")
    expect(film.locator(".where")).to_have_text("Step 0 · 1 of 40")
    film.get_by_label("Speed").select_option("4")
    film.get_by_role("button", name="Play").click()
    expect(film.locator(".where")).to_have_text("Step 4,000 · 40 of 40", timeout=60_000)
    heads.locator(".grid button[data-layer='1'][data-head='0']").click()
    expect(heads.locator(".attention")).to_have_attribute("data-locked", "1.0")
    heads.locator(".map").press("ArrowDown")
    expect(heads.locator(".readout")).to_contain_text("query 7 'p' reads key")
    offline.get_by_label("Prompt").select_option(label=prompts[1])
    expect(heads.locator(".map canvas")).to_have_attribute("aria-label", re.compile("over 22 tokens"))
    expect(heads.locator(".attention")).to_have_attribute("data-locked", "1.0")
