"""The Tokens page in a real browser: chips, the batch, a row that is chosen."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def tokens(app_server, page, choose_page, settled):
    def open_with(width: int = 1440, **choices: str):
        page.set_viewport_size({"width": width, "height": 900})
        query = "&".join(f"{name}={value}" for name, value in choices.items())
        page.goto(f"{app_server.url}/?{query}")
        settled(page)
        choose_page(page, "Tokens")
        expect(page.get_by_role("heading", name="Tokens", level=1)).to_be_visible()
        settled(page)
        expect(page.locator(".cells.rows")).to_have_count(2, timeout=60_000)
        return page

    return open_with


def test_chips_carry_ids_and_visible_spaces(tokens):
    page = tokens(text="tinyshakespeare", prompt="to be")
    characters = page.locator(".cells.chips").nth(0)
    expect(characters.locator(".cell")).to_have_count(5, timeout=30_000)
    assert characters.locator(".cell").all_inner_texts() == ["t", "o", "·", "b", "e"]
    characters.locator(".cell").nth(2).hover()
    expect(characters.locator(".readout")).to_have_text(re.compile(r"2 ·\s+id 1$"))
    painted = characters.locator(".cell").first.evaluate("cell => getComputedStyle(cell).backgroundColor")
    assert painted not in ("rgba(0, 0, 0, 0)", "transparent")


def test_a_chosen_row_is_unrolled_by_click_and_by_key(tokens, settled):
    page = tokens(text="addition", prompt="12", B="3", T="5")
    batch, examples = page.locator(".cells.rows").nth(0), page.locator(".cells.rows").nth(1)
    rows = batch.locator(".row")
    expect(rows).to_have_count(3)
    for number, choose in ((2, lambda: rows.nth(2).locator(".cell").first.click()), (1, lambda: _press(page, batch))):
        choose()
        expect(page.get_by_text(f"Row {number + 1} as 5 examples")).to_be_visible(timeout=30_000)
        settled(page)
        expect(rows.nth(number)).to_have_class(re.compile("selected"))
        chunk = rows.nth(number).locator(".cell").all_inner_texts()
        expect(examples.locator(".row").last.locator(".cell")).to_have_text(chunk)


def _press(page, batch) -> None:
    batch.locator(".tokens").focus()
    batch.locator(".row").nth(2).locator(".cell").first.hover()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")


def test_markup_in_the_prompt_stays_text(tokens):
    page = tokens(text="addition", prompt="<b>1</b>")
    expect(page.locator(".cells.chips").nth(0).locator(".cell")).to_have_text(list("<b>1</b>"), timeout=30_000)


def test_a_prompt_that_runs_to_the_left_keeps_the_order_of_its_tokens(tokens):
    page = tokens(text="addition", prompt="\u05d0\u05b8\u05d1\u05d2\u2764\ufe0f")
    cells = page.locator(".cells.chips").nth(0).locator(".cell")
    expect(cells).to_have_text(["\u05d0", "◌\u05b8", "\u05d1", "\u05d2", "\u2764", "\\ufe0f"], timeout=30_000)
    places = cells.evaluate_all("cells => cells.map((cell) => cell.getBoundingClientRect().x)")
    assert places == sorted(places), "the first token is the leftmost"
    direction = page.get_by_role("textbox", name="Prompt", exact=True).evaluate(
        "box => getComputedStyle(box).unicodeBidi"
    )
    assert direction == "plaintext", "the box itself follows its text"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(tokens, scheme):
    page = tokens(width=390, text="addition", prompt="12")
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
