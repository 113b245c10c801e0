"""A run as one HTML file: small, safe, and with the model's own patterns."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
import torch

from explorer.train.runs import page as run_pages
from explorer.train.runs.page import run_page
from gpt import load_run
from tests.explorer.drawn import unpack
from tests.explorer.elements import messages, widget

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def silent(done: int, total: int, what: str) -> None:
    pass


def blocks(page: bytes) -> dict[str, bytes]:
    """Name → the data of every block in the file."""
    found = re.findall(r'<script type="application/octet-stream" id="([^"]+)">([^<]*)</script>', page.decode())
    return {name: zlib.decompress(base64.b64decode(text)) for name, text in found}


def test_the_patterns_are_those_of_the_model(runs):
    run = load_run(runs / "tiny")
    found = blocks(run_page(run, silent, ["hear me", "speak"]))
    assert list(found) == ["film", "patterns-0", "patterns-1"]
    for index, prompt in enumerate(("hear me", "speak")):
        header, codes = unpack(found[f"patterns-{index}"])
        T = len(prompt)
        weights = (np.frombuffer(codes.tobytes(), "<u2").reshape(2, 3, -1) / 65535.0) ** 3
        cache = run.model().run_with_cache(torch.tensor([run.tokenizer.encode(prompt)]))[1]
        expected = np.stack([cache["pattern", layer][0].numpy()[:, *np.tril_indices(T)] for layer in range(2)])
        assert header["tokens"] == [character.replace(" ", "·") for character in prompt]
        assert np.abs(weights - expected).max() <= 2.4e-5
    header, codes = unpack(found["film"])
    assert header["steps"] == run.steps and codes.size == len(run.steps) * 6 * 7 * 8 // 2
    assert header["samples"] == [row["text"] for row in run.samples()]


def test_a_hostile_run_writes_no_markup(runs):
    config = json.loads((runs / "tiny" / "config.json").read_text())
    config["title"] = config["recipe"]["about"] = HOSTILE
    config["recipe"]["text"] = HOSTILE
    (runs / "tiny" / "config.json").write_text(json.dumps(config))
    rows = [row | {"text": HOSTILE} for row in load_run(runs / "tiny").samples()]
    (runs / "tiny" / "samples.jsonl").write_text("\n".join(map(json.dumps, rows)))
    page = run_page(load_run(runs / "tiny"), silent, [HOSTILE]).decode()
    assert "alert(1)</script>" not in page and "<img" not in page and "&lt;/script&gt;" in page
    assert page.count("<script") == page.count("</script>") == 4  # the film's and the heads', each a script and data
    assert unpack(blocks(page.encode())["film"])[0]["samples"][0] == HOSTILE


def test_nothing_but_its_own_scripts_may_run(runs):
    page = run_page(load_run(runs / "tiny"), silent, ["hear me"]).decode()
    policy = re.search(r'content="(default-src[^"]+)"', page)[1]
    assert policy.startswith("default-src 'none';") and "http" not in policy
    assert len(re.findall("'sha256-[^']+'", policy)) == 2 and "unsafe-inline" not in policy.split("script-src")[1]


def test_long_prompts_and_many_snapshots_are_shortened(runs, monkeypatch):
    monkeypatch.setattr(run_pages, "MOST_FILM", 200)
    monkeypatch.setattr(run_pages, "MOST_HEADS", 400)
    found = blocks(run_page(load_run(runs / "tiny"), silent, ["Before we proceed", "hear me"]))
    assert list(found) == ["film", "patterns-0"]
    assert unpack(found["film"])[1].size <= 200 and unpack(found["patterns-0"])[1].nbytes <= 400


def test_a_table_without_heads_has_a_film_of_its_answers(runs):
    found = blocks(run_page(load_run(runs / "table"), silent))
    assert list(found) == ["film"] and unpack(found["film"])[0]["layers"] == 0


def test_a_run_that_continues_no_prompt_says_so():
    with pytest.raises(ValueError, match="'translation', so its model does not continue a prompt"):
        run_page(load_run("assets/models/translate"), silent, ["may"])


def test_the_dialog_offers_the_page(open_app, nothing_starts):
    app = open_app(run="tiny").switch_page("../pages/runs.py").run()
    app = widget(app.button, "Download").click().run()
    app = widget(app.button_group, "File").set_value("Page to look at").run()
    assert not app.exception and "opens in any browser" in messages(app)
    assert app.get("download_button")[0].proto.label == "Download .html"
