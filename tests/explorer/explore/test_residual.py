"""The residual stream page: that its figures hold the model's own activations, and what it says where there are
none.
"""

import base64
import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.explore.residual import figures as residual
from gpt import load_run
from gpt.lens.norms import layernorms
from gpt.lens.residual import residual_path
from tests.explorer.drawn import plots
from tests.gpt.configs import MODERN

PAGE = "../pages/residual.py"
PROMPT = "hear me speak"


@pytest.fixture
def page(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**{"prompt": PROMPT} | choices).switch_page(PAGE).run()
        assert not app.exception and [title.value for title in app.title] == ["Residual stream"]
        return app

    return open_with


def chart(app: AppTest, alt: str) -> list[dict]:
    """The traces of the figure that a screen reader calls so."""
    charts = plots(app)
    return next(json.loads(found.spec)["data"] for found in charts if alt in found.alt)


def numbers(values) -> np.ndarray:
    if isinstance(values, dict):  # typed bytes
        flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
        return flat.reshape([int(n) for n in values["shape"].split(",")]) if "shape" in values else flat
    return np.array(values, dtype=float)


def messages(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.error, app.warning, app.caption, app.markdown) for element in kind)


def opened(runs):
    run = load_run(runs / "tiny")
    return run.model(), torch.tensor(run.tokenizer.encode(PROMPT))


def test_it_draws_the_models_own_stream(page, runs):
    path = residual_path(*opened(runs))
    app = page(position="3")
    chosen = chart(app, "Norm of the stream")[2]
    np.testing.assert_allclose(numbers(chosen["y"]), path.norms[:, 3], atol=1e-5)
    assert chosen["name"] == "3 r"
    np.testing.assert_allclose(numbers(chart(app, "Writes")[0]["y"]), path.writes[:, 3], atol=1e-5)
    np.testing.assert_allclose(numbers(chart(app, "Cosine between")[0]["y"]), path.cosines[:, 3], atol=1e-5)


def test_it_draws_what_every_layernorm_takes_out(page, runs):
    readings = layernorms(*opened(runs))
    scale = numbers(chart(page(), "scale")[0]["z"])
    np.testing.assert_allclose(scale, np.stack([reading.scale for reading in readings]), rtol=1e-5)


def test_taking_all_norms_out_shows_the_loss_with_and_without(page):
    app = page()
    with_norms, without = (float(metric.value) for metric in app.metric)
    assert with_norms != without
    app = app.segmented_control[0].set_value("only final").run()
    lines = chart(app, "Norms with and without")
    np.testing.assert_array_equal(numbers(lines[0]["y"]), numbers(lines[1]["y"]))  # nothing comes after the final one


def test_the_picked_layernorm_stands_in_the_link(page):
    app = page(norm="blocks.0.ln2")
    assert app.selectbox(key="widget:norm").value == "blocks.0.ln2"
    app = app.selectbox(key="widget:norm").set_value("blocks.1.ln1").run()
    assert app.query_params["norm"] == "blocks.1.ln1" and not app.exception


@pytest.mark.parametrize("position", ["99", "-1", "x", "<b>", "٣"])
def test_a_position_that_is_not_there_is_reported_and_the_last_shown(page, position):
    app = page(position=position, norm="<script>")
    assert "There is no position" in messages(app) and "<b>" not in messages(app)
    assert chart(app, "Norm of the stream")[2]["name"] == "12 k"


def test_a_bigram_and_an_empty_prompt_have_an_empty_state(page):
    assert "no layers" in messages(page(model="runs/table"))
    assert "prompt is empty" in messages(page(prompt=""))


@pytest.mark.parametrize("prompt", ["e", "<script>alert(1)</script>", "😀", 9_000 * "e"])
def test_any_prompt_is_drawn(page, prompt):
    app = page(prompt=prompt)
    assert len(plots(app)) == 11 and not app.error


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        ({"norm": "none"}, "has no layernorm"),
        ({"norm": "post", "residual": False, "mlp": False}, "replaces the vector"),
        ({"bias": False}, "without biases"),
        ({"norm": "batch"}, "batchnorm in place"),
        ({"norm": "rms"}, "takes out no mean"),
        ({"ngrams": 2}, "adds vectors for the last 2 tokens (n-grams)"),
        ({"norm": "rms", "norm_place": "post"}, "RMSNorm divides by the scale"),
        (MODERN, "no part reads “mid”"),
    ],
)
def test_every_kind_of_model_is_drawn_and_its_lacks_are_said(page, train_kind, switches, said):
    app = page(model=train_kind(**switches))
    assert said in messages(app) and not app.error and chart(app, "Norm of the stream")


def test_figures_refuse_what_does_not_fit():
    ok = np.ones((3, 2))
    for draw in (
        lambda: residual.stream_norms(["a"], ok, ["x", "y"], 0),
        lambda: residual.stream_norms(["a", "b", "c"], ok, ["x", "y"], 2),
        lambda: residual.stream_path(["a", "b", "c"], ok, [0.5, 0.5], ["x", "y"], 0),
        lambda: residual.before_and_after(np.array([np.inf]), ok),
        lambda: residual.gain_and_shift(np.ones(3), np.ones(2)),
        lambda: residual.gain_and_shift(np.ones((3, 1)), None),
        lambda: residual.norms_with_and_without(["a"], ok, ok),
    ):
        with pytest.raises(ValueError):
            draw()


def test_the_shares_of_a_distribution_sum_to_what_lies_inside():
    before, after = np.random.default_rng(0).normal(size=(2, 5000))
    for trace in residual.before_and_after(5 * before, after).data:
        assert 0.997 <= sum(trace.y) <= 1
