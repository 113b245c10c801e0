"""The lens pages in a real browser: one control of each, and eight people who look at once."""

import re
from urllib.parse import urlencode

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from gpt import GPT, load_run
from gpt.lens.heads import head_scores
from gpt.lens.interventions import head_off

READY = 120_000  # ms: torch is still to be imported, perhaps on a busy machine
PROMPT = 2 * "kvmtdqwsaphrznje"
BARS = ".barlayer .point text"


@pytest.fixture
def go_to(choose_page, settled):
    def go(page: Page, title: str) -> None:
        choose_page(page, title)
        settled(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)

    return go


def plot(page: Page, alt: str) -> Locator:
    return page.get_by_label(alt).locator(".js-plotly-plot").first


def click_point(page: Page, drawn: Locator, number: int) -> None:
    """Click one of a figure's markers, seen or unseen."""
    point = drawn.locator("path.point").nth(number)
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def pick(page: Page, label: str, option: str, settled) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


@pytest.fixture
def lens(app_server, page, go_to, settled):
    def open_page(title: str, model: str = "induction", **more: str) -> Page:
        page.goto(f"{app_server.url}/?{urlencode({'model': model, 'prompt': PROMPT} | more)}")
        settled(page)
        go_to(page, title)
        return page

    return open_page


def fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth && document.body.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_the_stream_and_the_lens_answer_to_a_click(lens, go_to, settled):
    page = lens("Residual stream")
    loss = page.get_by_test_id("stMetric").filter(has_text="Taken out").get_by_test_id("stMetricValue")
    without_all = loss.inner_text()
    page.get_by_role("button", name=re.compile("^only")).or_(
        page.get_by_role("radio", name=re.compile("^only"))
    ).click()
    expect(loss).not_to_have_text(without_all)
    fits_a_phone(page)

    go_to(page, "Logit lens")
    bars = plot(page, "Next token at the chosen cell").locator(BARS)
    before = bars.all_text_contents()
    click_point(page, plot(page, "Table of the likeliest"), 1)
    expect(page).to_have_url(re.compile("point=0"))
    expect(bars.first).not_to_have_text(before[0])
    settled(page)
    table = plot(page, "Table of the likeliest")
    fills = "plot => [...plot.querySelectorAll('.textpoint text')].map(mark => getComputedStyle(mark).fill)"
    drawn = table.evaluate(fills)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(1000)
    assert table.evaluate(fills) == drawn, "tokens keep the ink that suits their cells when the theme changes"
    page.emulate_media(color_scheme="light")
    fits_a_phone(page)


def test_heads_are_chosen_switched_off_and_patched(lens, go_to, settled):
    page = lens("What heads do")
    click_point(page, plot(page, "previous token scores: On the probe set"), 6)
    expect(page.get_by_role("heading", name="L1H2")).to_be_visible()
    fits_a_phone(page)

    go_to(page, "Interventions")
    scores = head_scores(*opened("induction", PROMPT))["induction"]
    finders = torch.nonzero(scores > 0.3).tolist()
    assert finders
    for layer, head in finders:
        pick(page, "Layer", str(layer), settled)
        pick(page, "Head", str(head), settled)
        page.get_by_role("button", name="Keep, and add another").click()
        settled(page)
    off = "; ".join(f"Head off: zero, L{layer}H{head}" for layer, head in finders)
    expect(page.get_by_text(f"Active: {off}.")).to_be_visible()
    before, after = (bars[0] for bars in before_and_after(page))
    assert before > 0.9 and after < before / 2
    expect(page.get_by_test_id("stMetricDelta")).to_contain_text("+")

    page.get_by_role("button", name="Patch", exact=True).click()
    heads = plot(page, "Effect of patching heads")
    expect(heads).to_be_visible(timeout=READY)
    settled(page)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert max(map(number, heads.locator(".textpoint text").all_text_contents())) > 1
    fits_a_phone(page)


def test_a_click_in_the_graph_chooses_whose_sources_are_drawn(lens, settled):
    page = lens("Rollout and flow", layer="0", head="1")
    expect(page.get_by_role("heading", name=f"What reaches 31 {PROMPT[31]}")).to_be_visible(timeout=READY)
    circle = plot(page, "Tokens around a circle")
    bar = plot(page, "How much of every token").locator(".barlayer path").first
    first = bar.get_attribute("d")
    click_point(page, circle, circle.locator("path.point").count() - 12)
    expect(page.get_by_role("heading", name=f"What reaches 20 {PROMPT[20]}")).to_be_visible()
    settled(page)
    expect(bar).not_to_have_attribute("d", first)
    counted = page.get_by_text(re.compile("edges are drawn")).first
    drawn = counted.inner_text()
    page.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("PageUp")
    expect(counted).not_to_have_text(drawn)
    fits_a_phone(page)


def number(text: str) -> float:
    return float(text.rstrip("%").replace("−", "-"))


def opened(model: str, prompt: str) -> tuple[GPT, torch.Tensor]:
    run = load_run(f"assets/models/{model}")
    return run.model(), torch.tensor([run.tokenizer.encode(prompt)])


def before_and_after(page: Page) -> list[list[float]]:
    traces = plot(page, "Next-token probabilities before and after").locator("g.trace.bars").all()
    return [[number(text) / 100 for text in trace.locator("text").all_text_contents()] for trace in traces]


PEOPLE = [
    ("induction", PROMPT, 1, 0),
    ("shakespeare-char", "To be, or not to be", 0, 4),
    ("induction", 2 * "abcdefghijk", 0, 1),
    ("shakespeare-char", "First Citizen:", 3, 5),
    ("shakespeare-char", "O Romeo, Romeo", 1, 1),
    ("induction", 3 * "xyzw", 1, 3),
    ("shakespeare-char", "Now is the winter of our", 2, 0),
    ("induction", "zz", 0, 0),
]


@pytest.mark.soak
def test_eight_people_who_look_at_once_each_see_their_own(app_server, browser, choose_page, problems, settled):
    contexts = [browser.new_context(viewport={"width": 1440, "height": 900}) for _ in PEOPLE]
    pages = [context.new_page() for context in contexts]
    for page, (model, prompt, layer, head) in zip(pages, PEOPLE, strict=True):
        page.on("pageerror", lambda error: problems.append(str(error)))
        choices = {"model": model, "prompt": prompt, "layer": layer, "head": head, "query": 1, "key": 1}
        page.goto(f"{app_server.url}/?{urlencode(choices)}", wait_until="commit")
    for page, (model, prompt, layer, head) in zip(pages, PEOPLE, strict=True):
        page.wait_for_selector(f".attention[data-layer='{layer}'][data-head='{head}']", timeout=READY)
        settled(page)
        expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_have_value(prompt)
        net, ids = opened(model, prompt)
        with torch.inference_mode():
            pattern = net.run_with_cache(ids, f"blocks.{layer}.attn.hook_pattern")[1]["pattern", layer]
        weight = page.get_by_test_id("stMarkdown").filter(has_text="= weight").locator("strong")
        assert number(weight.first.inner_text()) == pytest.approx(pattern[0, head, 1, 1].item(), rel=1e-3)
        choose_page(page, "Interventions")
    for page, (model, prompt, layer, head) in zip(pages, PEOPLE, strict=True):
        expect(page.get_by_text(f"Active: Head off: zero, L{layer}H{head}.")).to_be_visible(timeout=READY)
        settled(page)
        expect(page.get_by_text(f"{len(prompt)} tokens.")).to_be_visible()
        net, ids = opened(model, prompt)
        with torch.inference_mode():
            before, after = (net.run_with_hooks(ids, hooks)[0, -1].softmax(-1) for hooks in ({}, head_off(layer, head)))
        likeliest = torch.maximum(before, after).argsort(descending=True, stable=True)[:8]
        for seen, expected in zip(before_and_after(page), (before, after), strict=True):
            assert seen == pytest.approx(expected[likeliest].tolist(), abs=6e-4)
    for context in contexts:
        context.close()
    assert not problems
