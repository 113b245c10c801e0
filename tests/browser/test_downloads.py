"""Figures and patterns as files, downloaded in a real browser and opened again without a network."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect
from safetensors import safe_open

from gpt import Corpus, GPTConfig, Recipe, create_run, load_run
from gpt.train.loop import train

HOSTILE = "hear me</script><img src=x onerror=alert(1)>"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def save(page: Page, tmp_path, settled):
    """save(menu, label, nth=0): open the menu of this key, click the button, and return the file."""

    def save_from(key: str, label: str, nth: int = 0) -> Path:
        opener = page.locator(f".st-key-download-{key}").get_by_role("button").locator("visible=true")
        if opener.get_attribute("aria-expanded") != "true":
            opener.click()
            settled(page)
        button = page.get_by_test_id("stPopoverBody").get_by_role("button", name=label, exact=True).nth(nth)
        with page.expect_download() as started:
            button.click()
        file = tmp_path / started.value.suggested_filename
        started.value.save_as(file)
        return file

    return save_from


def open_prompt(page: Page, url: str, settled, prompt: str, model: str = "shakespeare-char") -> None:
    page.goto(f"{url}/?{urlencode({'model': model, 'prompt': prompt, 'layer': 1, 'head': 2})}")
    expect(page.locator(".attention")).to_have_attribute("data-layer", "1", timeout=120_000)
    settled(page)


def test_a_figure_as_picture_page_and_numbers(app_server, page, settled, save, offline):
    open_prompt(page, app_server.url, settled, "hear me speak")
    saved = {label: save("next-token-bars", label) for label in ("PNG", "SVG", "HTML", "CSV")}
    plot = page.locator(".st-key-next-token-bars .js-plotly-plot").bounding_box()
    png = saved["PNG"].read_bytes()
    assert png.startswith(PNG)
    assert int.from_bytes(png[16:20], "big") == pytest.approx(2 * (plot["width"] + 24), abs=4), (
        "labels reach to the edge"
    )
    assert int.from_bytes(png[20:24], "big") > 2 * plot["height"] + 40, "a title is above the figure"
    drawn = ElementTree.parse(saved["SVG"]).getroot()
    assert "Next-token probabilities" in " ".join(drawn.itertext())
    shown = page.locator(".st-key-next-token-bars .ytick text").first.text_content()
    assert shown in [text.strip() for text in drawn.itertext()]
    rows = list(csv.DictReader(io.StringIO(saved["CSV"].read_text(encoding="utf-8-sig"))))
    probabilities = [float(row["x"]) for row in rows]
    run = load_run("assets/models/shakespeare-char")
    with torch.inference_mode():
        expected = run.model()(torch.tensor([run.tokenizer.encode("hear me speak")]))[0, -1].softmax(-1)
    np.testing.assert_allclose(probabilities[:12], expected.topk(12).values, atol=1e-5)
    offline.goto(saved["HTML"].as_uri())
    expect(offline.locator(".js-plotly-plot .ytick text").first).to_have_text(shown)


def test_patterns_as_one_page_and_as_numbers(app_server, page, settled, save, offline):
    recipe = Recipe(
        model=GPTConfig(block_size=64, n_layer=4, n_head=3, n_embd=12), steps=1, batch_size=2, eval_batches=1
    )
    run = create_run(app_server.runs / "hostile", recipe, Corpus("own", 40 * HOSTILE, "made for a test"))
    train(run, torch.device("cpu"))
    open_prompt(page, app_server.url, settled, HOSTILE, "runs/hostile")
    png = save("attention", "PNG").read_bytes()
    assert png.startswith(PNG)
    picture = ElementTree.parse(save("attention", "SVG")).getroot()
    for side, where in (("width", slice(16, 20)), ("height", slice(20, 24))):
        assert int.from_bytes(png[where], "big") == 2 * float(picture.get(side)) > 1100
    labels = [text for text in picture.itertext()]
    assert "7 <" in labels and "0 h" in labels
    assert {"L1H2 of runs/hostile", HOSTILE, "query (reads)", "key (is read)", "weight", "0.25"} <= set(labels)
    table = save("attention", "CSV")
    assert table.name == "runs-hostile-layer-1-head-2.csv"
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig"))))
    with safe_open(save("attention", "safetensors"), framework="np") as tensors:
        patterns = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
        assert json.loads(tensors.metadata()["tokens"]) == list(HOSTILE)
    assert set(patterns) == {f"blocks.{layer}.attn.hook_pattern" for layer in range(4)}
    for pattern in patterns.values():
        np.testing.assert_allclose(pattern.sum(-1), 1, atol=1e-5)
    head = patterns["blocks.1.attn.hook_pattern"][2]
    for row in rows:
        assert float(row["weight"]) == head[int(row["query position"]), int(row["key position"])]

    offline.goto(save("attention", "HTML").as_uri())
    view = offline.locator(".attention")
    expect(view).to_have_attribute("data-layer", "1")
    expect(offline.locator(".status")).to_have_text("locked")
    other = offline.locator(".grid button[data-layer='3'][data-head='0']")
    other.hover()
    expect(view).to_have_attribute("data-layer", "3")
    other.click()
    expect(view).to_have_attribute("data-locked", "3.0")
    offline.locator(".map canvas").hover(position={"x": 80, "y": 200})
    expect(offline.locator(".readout")).to_contain_text("query")
    assert offline.locator("img").count() == 0
