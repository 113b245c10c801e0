"""The page of rollout and flow, through the router, and its graphs."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.explore.flow import panel
from explorer.explore.flow.figures import MOST_EDGES, arrival_bars, drawn_edges, layers_graph, token_graph
from gpt import load_run
from gpt.lens.flow import attention_flow, rollout
from tests.explorer.drawn import plots

PAGE = "../pages/flow.py"
PROMPT = "hear me speak"


@pytest.fixture
def page(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**{"prompt": PROMPT} | choices).switch_page(PAGE).run()
        assert not app.exception and [title.value for title in app.title] == ["Rollout and flow"]
        return app

    return open_with


def chart(app: AppTest, alt: str) -> list[dict]:
    return next(json.loads(found.spec)["data"] for found in plots(app) if alt in found.alt)


def said(app: AppTest) -> str:
    found = [element.value for kind in (app.markdown, app.caption, app.error) for element in kind]
    return "\n".join(found).replace("\\", "")


def array(found: dict | list) -> np.ndarray:
    """Numbers as Plotly sends them: a list, or typed bytes."""
    if isinstance(found, list):
        return np.array(found)
    import base64

    return np.frombuffer(base64.b64decode(found["bdata"]), found["dtype"])


def patterns_of(runs, prompt: str = PROMPT) -> torch.Tensor:
    run = load_run(runs / "tiny")
    with torch.inference_mode():
        cache = run.model().run_with_cache(torch.tensor([run.tokenizer.encode(prompt)]), "blocks.*.attn.hook_pattern")[
            1
        ]
    return torch.cat(list(cache.values()))


def test_what_arrives_is_the_lens_own(page, runs):
    app, patterns = page(position="9"), patterns_of(runs)
    attention, rolled, flow = (array(bars["x"]) for bars in chart(app, "How much of every token"))
    np.testing.assert_allclose(attention, patterns[-1, :, 9].mean(0), atol=1e-5)
    np.testing.assert_allclose(rolled, rollout(patterns)[-1, 9], atol=1e-5)
    np.testing.assert_allclose(flow, list(attention_flow(patterns, 9)), atol=1e-5)


def test_the_page_says_how_many_edges_it_draws_and_what_they_carry(page, runs):
    app = page(threshold="20", layer="1", head="2")
    weights = patterns_of(runs)[1, 2].numpy()
    drawn = weights >= 0.2
    assert f"**{drawn.sum()}** of 91 edges" in said(app) and f"**{weights[drawn].sum() / 13:.0%}**" in said(app)
    app = app.slider[0].set_value(100).run()
    assert "100" in app.query_params["threshold"] and "reaches the threshold" in said(app)


def test_one_head_may_stand_for_its_layer(page, runs):
    app = page(threshold="1", layer="1", head="2", weights="one")
    notes = next(trace["text"] for trace in chart(app, "Tokens down") if trace.get("text"))
    weight = patterns_of(runs)[1, 2, 12, 0].item()
    assert any(f"layer 1: 12 k reads from 0 h: {weight:.3f}" == note for note in notes)


@pytest.mark.parametrize(("wrong", "shown"), [("101", 100), ("<script>", 10), ("٣", 10)])
def test_thresholds_and_weights_that_are_not_there_are_replaced(page, wrong, shown):
    app = page(threshold=wrong, weights=wrong, position=wrong)
    assert app.slider[0].value == shown and "There is no threshold" in said(app) and not app.error


def test_a_bigram_and_an_empty_prompt_have_an_empty_state(page):
    assert "no layers" in said(page(model="runs/table"))
    assert "prompt is empty" in said(page(prompt=""))


@pytest.mark.parametrize("prompt", ["h", "😀<b>$x$", 300 * "hear me "])
def test_any_prompt_is_drawn(page, prompt):
    app = page(prompt=prompt)
    assert len(plots(app)) == 3 and not app.error


def test_the_page_says_what_n_grams_carry_past_attention(page, train_kind):
    assert "the last 2, 3 and 4 tokens (n-grams) to each embedding. No measure here sees that" in said(
        page(model=train_kind(ngrams=4, ngram_rows=20))
    )
    assert "n-grams" not in said(page())


def test_a_flow_that_takes_long_is_measured_when_asked_for(page, monkeypatch):
    monkeypatch.setattr(panel, "UNASKED", 0)
    app = page()
    assert len(chart(app, "How much of every token")) == 2
    asking = next(button for button in app.button if "13 maximum flows" in button.label)
    assert asking.label.endswith("about 1 second"), "the page says how long it takes before the click"
    app = asking.click().run()
    assert not app.exception and len(chart(app, "How much of every token")) == 3
    assert len(chart(app.run(), "How much of every token")) == 3


def test_only_edges_on_a_way_to_the_chosen_token_are_coloured():
    weights = np.zeros((2, 4, 4))
    weights[0, 2, 1] = weights[1, 3, 2] = weights[0, 1, 0] = 0.9  # 1 → 2 → 3 arrives; 0 → 1 ends before the last layer
    drawn = layers_graph(weights, list("abcd"), threshold=0.5, chosen=3)
    ways = {}
    for arrows in (trace for trace in drawn.data if trace.marker.symbol == "arrow"):
        starts, ends = (np.column_stack([arrows.x, arrows.y])[i::3] for i in (0, 1))
        ways[arrows.marker.color] = np.column_stack([starts, ends]).astype(int).tolist()
    assert sorted(ways.values(), key=len) == [[[0, 0, 1, 1]], [[0, 1, 1, 2], [1, 2, 2, 3]]]
    dots = drawn.data[-1]
    assert (dots.x[-1], dots.y[-1]) == (2, 3) and dots.marker.color[-1] not in dots.marker.color[:-1]


def test_arrows_run_from_the_token_that_is_read():
    weights = np.array([[1.0, 0, 0], [0.0, 1, 0], [0.8, 0, 0.2]])
    drawn = token_graph(weights, ["a", "<", "c"], threshold=0.5, chosen=2)
    arrow, tip = drawn.data[0], drawn.data[1]
    dots = next(trace for trace in drawn.data if trace.customdata is not None)
    assert (arrow.x[0], arrow.y[0]) == pytest.approx((dots.x[0], dots.y[0]))
    assert (tip.x[1], tip.y[1]) == pytest.approx((dots.x[2], dots.y[2])) and tip.marker.size[1] > 0
    rings = next(trace for trace in drawn.data if trace.marker.symbol == "circle-open")
    assert len(rings.x) == 2 and "&lt;" in dots.customdata[1][1]


def test_of_too_many_edges_the_strongest_are_drawn_even_among_equals():
    weights = np.linspace(0, 1, 100 * 100).reshape(100, 100)
    drawn = drawn_edges(weights, 0.0)
    assert drawn.sum() == MOST_EDGES and weights[drawn].min() >= weights[~drawn].max()
    assert drawn_edges(np.ones((100, 100)), 0.5).sum() == MOST_EDGES
    assert not drawn_edges(np.zeros((3, 3)), 0.0).any()


def test_figures_refuse_what_does_not_fit():
    for draw in (
        lambda: token_graph(np.ones((2, 2)), ["a"], threshold=0.1, chosen=0),
        lambda: token_graph(np.ones((1, 1)), ["a"], threshold=0.1, chosen=1),
        lambda: layers_graph(np.ones((2, 2)), ["a", "b"], threshold=0.1, chosen=0),
        lambda: layers_graph(np.ones((0, 1, 1)), ["a"], threshold=0.1, chosen=0),
        lambda: arrival_bars({}, ["a"], 0),
        lambda: arrival_bars({"Flow": np.ones(2)}, ["a"], 0),
    ):
        with pytest.raises(ValueError):
            draw()
