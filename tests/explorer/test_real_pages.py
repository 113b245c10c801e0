"""The pages on a model from elsewhere: each works on a tiny one, and says what needs a run. A few on SmolLM2."""

import json
import re

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from explorer.explore.heads.panel import MOST_NAMED
from explorer.explore.logits.panel import COLUMNS
from explorer.opened import open_model
from explorer.real_models import add_model
from explorer.shared.examples import REAL
from gpt import load_pretrained
from gpt.checkpoints.smollm2 import find_smollm2
from gpt.lens.interventions import ablation_map
from tests.explorer.drawn import plots
from tests.gpt.checkpoints.gguf_files import write_tiny

PROMPT = "then the other then the"
needs_smollm2 = pytest.mark.skipif(find_smollm2() is None, reason="make smollm2 installs it")


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A random Llama with 12 layers, as a file: 25 points of the stream, 24 norms and a last one."""
    return write_tiny(tmp_path_factory.mktemp("deep") / "deep.gguf", layers=12)


@pytest.fixture
def page(open_app, deep):
    def open_page(name: str, **choices: str) -> AppTest:
        if "model" not in choices:
            choices["model"] = add_model(str(deep), load_pretrained(deep)).ref
        app = open_app(**{"prompt": PROMPT} | choices).switch_page(f"../pages/{name}.py")
        for cache in (st.cache_data, st.cache_resource):
            cache.clear()  # as if this page were the first
        app.run()
        assert not app.exception and not app.error
        return app

    return open_page


def chart(app: AppTest, alt: str) -> dict:
    return next(json.loads(found.spec) for found in plots(app) if alt in found.alt)


def said(app: AppTest) -> str:
    return "\n".join(each.value for kind in (app.markdown, app.caption, app.metric) for each in kind).replace("\\", "")


@pytest.mark.parametrize(
    "name", ["heads", "interventions", "residual", "logits", "flow", "intro", "multihead", "notes"]
)
def test_every_page_with_a_prompt_works_on_a_real_model(page, name):
    app = page(name)
    assert sum(len(found.spec) for found in plots(app)) < 4_000_000


@pytest.mark.parametrize("head", "0123")
def test_the_messages_of_heads_that_share_values_sum_to_the_models_own_output(page, head):
    gap = float(re.search(r"own output differ by at most (\S+)\.", said(page("notes", head=head)))[1])
    assert gap < 1e-5


def test_the_lens_of_a_deep_model_has_columns_that_fit(page):
    app = page("logits")
    table = chart(app, "Table of the likeliest")
    columns = table["layout"]["xaxis"]["ticktext"]
    assert len(columns) <= COLUMNS + 1 and columns[0] == "embedding" and columns[-1] == "11 post"
    assert all(column.endswith("post") for column in columns[1:])
    app = next(box for box in app.selectbox if box.label == "Points").set_value("0 mid to 5 post").run()
    stretch = chart(app, "Table of the likeliest")["layout"]["xaxis"]["ticktext"]
    assert len(stretch) == COLUMNS + 1 and stretch[:3] == ["0 mid", "0 post", "1 mid"] and stretch[-1] == "11 post"
    app = page("logits", point="4 mid")
    assert "4 mid" in chart(app, "Table of the likeliest")["layout"]["xaxis"]["ticktext"]


def stop_at_layer_5() -> None:
    import torch

    from explorer.opened import open_model
    from explorer.shared.progress import once_by_layer
    from explorer.shared.widgets import guarded

    def stop(stream, name):
        raise ValueError("stopped")

    def work() -> None:
        with opened.model.hooks({"blocks.5.hook_resid_mid": stop}):
            opened.model(torch.zeros(1, 3, dtype=torch.long))

    opened = open_model("real/deep")
    with guarded():
        once_by_layer([], opened, "Reading the stream", work)


def test_a_forward_pass_of_a_real_model_shows_its_layer(page):
    page("residual")  # adds the model to the list
    app = AppTest.from_function(stop_at_layer_5, default_timeout=60).run()
    assert [error.value for error in app.error] == ["stopped"]
    bar = app.get("progress")[0].proto
    assert (bar.text, bar.value) == ("Reading the stream, layer 5 of 12 …", 41), "the first five are done"


def test_axes_of_a_deep_model_name_some_points(page):
    app = page("residual")
    for alt in ("Norm of the stream by point", "Writes", "scale"):
        layout = chart(app, alt)["layout"]
        ticks = layout["yaxis" if alt == "scale" else "xaxis"]["ticktext"]
        assert len(ticks) <= 24 and len(set(tick.split()[-1] for tick in ticks[1:])) <= 12


def test_interventions_measure_the_prompt_where_there_is_no_validation_text(page):
    app = page("interventions")
    assert "Loss on the prompt, before" in [metric.label for metric in app.metric]
    button = next(button for button in app.button if button.label == "Measure every head")
    app = button.click().run()
    assert not app.exception and "Measured on the prompt." in said(app)
    opened = open_model("real/deep")
    ids = torch.tensor([opened.tokenizer.encode(PROMPT)])
    clicks = next(trace for trace in chart(app, "Loss added by head")["data"] if trace.get("customdata"))
    shown = [float(text.replace("−", "-")) for text in clicks["text"]]
    np.testing.assert_allclose(shown, ablation_map(opened.model, ids).ravel(), atol=6e-3)
    assert all(set(text) <= set("–") for text in other_prompt(page)), "another prompt is not measured yet"


def test_a_real_model_writes_samples_when_it_is_asked_and_one_that_was_trained_here_at_once(page):
    app = page("interventions", tokens="2")
    assert not app.code and "Before" not in said(app)
    app = next(button for button in app.button if button.label == "Write samples").click().run()
    assert not app.exception and len(app.code) == 2
    app = next(box for box in app.selectbox if box.label == "Layer").set_value(3).run()
    assert not app.code, "the sample of another change is not written yet"
    app = page("interventions", model="runs/tiny", tokens="2")
    assert len(app.code) == 2 and "Write samples" not in [button.label for button in app.button]


def other_prompt(page) -> list[str]:
    app = page("interventions", prompt="the other the")
    return next(trace["text"] for trace in chart(app, "Loss added by head")["data"] if trace.get("customdata"))


def test_a_prompt_of_one_token_has_no_loss(open_app, deep):
    ref = add_model(str(deep), load_pretrained(deep)).ref
    app = open_app(model=ref, prompt="t").switch_page("../pages/interventions.py").run()
    assert not app.exception and all("type a longer prompt" in error.value for error in app.error) and app.error


@needs_smollm2
def test_switching_off_smollm2s_induction_head_changes_the_answer(page):
    app = page("interventions", model="smollm2", prompt=REAL["An unknown name twice"], tokens="2")
    layer, head = (next(box for box in app.selectbox if box.label == label).value for label in ("Layer", "Head"))
    assert (layer, head) == (18, 6), "the page opens on the head that copies most"
    before, after = chart(app, "Next-token probabilities before and after")["data"]
    shares = [[float(text.rstrip("%")) / 100 for text in bars["text"]] for bars in (before, after)]
    names = before["customdata"]
    assert names[int(np.argmax(shares[0]))] == "is" and max(shares[0]) == pytest.approx(0.744, abs=0.02)
    assert names[int(np.argmax(shares[1]))] == "i" and shares[1][names.index("is")] < 0.25


@needs_smollm2
def test_the_page_of_heads_names_smollm2s_induction_head_and_previous_token_head(page):
    app = page("heads", model="smollm2", prompt=REAL["A name twice"])
    badges = [link.proto.label for link in app.get("page_link") if "badge" in link.proto.label]
    assert any("L18H6 · induction" in badge for badge in badges)
    assert any("L16H0 · previous token" in badge for badge in badges)
    assert len(badges) <= 4 * MOST_NAMED and "more of this kind" in said(app)


@needs_smollm2
def test_without_smollm2s_norms_the_page_says_that_the_numbers_overflow(page):
    app = page("residual", model="smollm2", prompt="Mrs. Durs")
    assert "There is no next token." in said(app) and "an attention sink" in said(app)
