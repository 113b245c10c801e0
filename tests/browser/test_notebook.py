"""The widgets of a notebook in a plain page, with a model as anywidget gives it to `render`."""

import base64
import json

import numpy as np
from playwright.sync_api import Page, expect

from explorer.notebook import show_attention, show_film
from tests.browser.test_run_page import COLORS

PAGE = (
    """<!DOCTYPE html><html><body style="background: {background}; color: {color}"><div id="out"></div></body></html>"""
)
RENDER = """async ({ esm, traits, bytes }) => {
    const decode = (text) => new DataView(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer);
    for (const [name, text] of Object.entries(bytes)) traits[name] = decode(text);
    const listeners = {};
    window.saved = 0;
    window.model = {
        get: (name) => traits[name],
        set: (name, value) => { traits[name] = value; },
        on: (event, callback) => (listeners[event] ??= []).push(callback),
        off: (event, callback) => { listeners[event] = listeners[event].filter((each) => each !== callback); },
        save_changes: () => { window.saved += 1; },
    };
    window.bring = (name, text) => {
        traits[name] = decode(text);
        for (const callback of listeners[`change:${name}`] ?? []) callback();
    };
    const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    window.leave = widget.render({ model: window.model, el: document.getElementById("out") });
}"""


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def render(page: Page, widget, background: str = "#ffffff", color: str = "#000000") -> None:
    """Show a widget as a notebook's page does."""
    page.set_content(PAGE.format(background=background, color=color))
    state = {name: getattr(widget, name) for name in widget.keys if not name.startswith("_")}
    bytes_of = {name: encoded(value) for name, value in state.items() if isinstance(value, bytes)}
    traits = {name: value for name, value in state.items() if isinstance(value, int | type(None))}
    page.evaluate(RENDER, {"esm": widget._esm, "traits": traits, "bytes": bytes_of})
    grid = page.locator(".grid").element_handle()
    page.wait_for_function(f"grid => ({COLORS})(grid).every(colors => colors > 1)", arg=grid)


def traits(page: Page, *names: str) -> list:
    return json.loads(page.evaluate("names => JSON.stringify(names.map((name) => window.model.get(name)))", names))


def test_a_click_in_the_attention_view_reaches_the_notebook(offline: Page):
    patterns = np.random.default_rng(0).dirichlet(np.ones(6), (2, 3, 6))
    render(offline, show_attention(patterns=patterns, tokens=["<b>", " cat", "sat", "on", "the", "mat"], head=(1, 0)))
    view = offline.locator(".attention")
    expect(offline.locator(".grid button")).to_have_count(12)  # six heads and their averages
    expect(view).to_have_attribute("data-locked", "1.0")
    offline.locator(".grid button[data-layer='0'][data-head='2']").click()
    expect(view).to_have_attribute("data-locked", "0.2")
    assert traits(offline, "layer", "head", "query", "key") == [0, 2, None, None]
    offline.locator(".map").press("ArrowDown")
    offline.locator(".map").press("Enter")
    query, key = traits(offline, "query", "key")
    expect(view).to_have_attribute("data-query", str(query))
    shown = offline.locator(".readout").inner_text()
    assert f"reads key {key}" in shown and f"{patterns[0, 2, query, key]:.4f}" in shown
    assert offline.locator("b", has_text="cat").count() == 0, "a token is text"
    offline.evaluate("window.leave()")


def test_a_layer_is_asked_for_and_drawn(offline: Page, monkeypatch):
    monkeypatch.setattr("explorer.notebook.attention.AT_ONCE", 0)
    monkeypatch.setattr("explorer.components.attention_view.encoding.AT_ONCE", 0)
    patterns = np.random.default_rng(1).dirichlet(np.ones(9), (2, 2, 9))
    widget = show_attention(patterns=patterns, tokens=list("abcdefghi"), head=(1, 1))
    render(offline, widget)
    expect(offline.locator(".readout")).to_contain_text("its weights are on their way")
    offline.wait_for_function("() => window.model.get('asked')")
    widget.asked = traits(offline, "asked")[0]
    offline.evaluate("text => window.bring('layer_message', text)", encoded(widget.layer_message))
    query = 4
    largest = int(patterns[1, 1, query].argmax())
    expect(offline.locator(".readout")).to_contain_text(f"{patterns[1, 1, query, largest]:.4f}")


def test_the_film_plays_in_a_dark_notebook(offline: Page):
    offline.emulate_media(color_scheme="light")
    render(offline, show_film("induction", "planetsplanets"), background="#111111", color="#eeeeee")
    assert offline.locator(".film").evaluate("node => getComputedStyle(node).color") == "rgb(230, 232, 234)"
    expect(offline.locator(".where")).to_have_text("Step 4,000 · 40 of 40")
    offline.get_by_role("button", name="Play").press("Home")
    expect(offline.locator(".where")).to_have_text("Step 0 · 1 of 40")
    offline.wait_for_function("() => window.model.get('step') === 0")
    offline.evaluate("document.body.style.background = '#ffffff'")
    expect(offline.locator(".film")).to_have_css("color", "rgb(31, 35, 40)")
