"""The logit lens page: that its table and its sums are the model's own, and what it says where there is no answer."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.explore.logits.figures import lens_table, parts_bars, parts_map, through_points
from explorer.explore.logits.panel import ROWS, TALLEST
from gpt import load_run
from gpt.lens.attribution import attribute_logit
from gpt.lens.logits import logit_lens
from tests.explorer.drawn import plots
from tests.gpt.configs import MODERN

PAGE = "../pages/logits.py"
PROMPT = "hear me speak"


@pytest.fixture
def page(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**{"prompt": PROMPT} | choices).switch_page(PAGE).run()
        assert not app.exception and [title.value for title in app.title] == ["Logit lens"]
        return app

    return open_with


def chart(app: AppTest, alt: str) -> dict:
    """The figure that a screen reader calls so."""
    return next(json.loads(found.spec) for found in plots(app) if alt in found.alt)


def messages(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.error, app.warning, app.caption, app.markdown) for element in kind)


def opened(runs):
    run = load_run(runs / "tiny")
    return run, run.model(), torch.tensor(run.tokenizer.encode(PROMPT))


def test_every_cell_names_the_token_that_the_lens_names(page, runs):
    run, model, ids = opened(runs)
    lens = logit_lens(model, ids)
    names = chart(page(), "Table of the likeliest")["data"][1]
    for (point, position, note), text in zip(names["customdata"], names["text"], strict=True):
        token = run.tokenizer.tokens([int(lens.top_ids[point, position, 0])])[0]
        assert text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">") == token.replace("\n", "⏎").replace(
            " ", "·"
        )
        assert f"entropy {lens.entropy[point, position]:.3f}" in note
    assert len(names["text"]) == 5 * len(PROMPT)


def test_the_chosen_cell_shows_its_own_distribution(page, runs):
    lens = logit_lens(*opened(runs)[1:])
    app = page(point="0 mid", position="4")
    shown = chart(app, "Next token at the chosen cell")["data"][0]
    assert shown["text"][0] == f"{lens.top_probabilities[1, 4, 0]:.1%}"
    assert chart(app, "Entropy, divergence")["data"][2]["name"] == "rank of the true next token"
    assert len(chart(page(), "Entropy, divergence")["data"]) == 2  # nothing follows the last token


def test_the_parts_sum_to_the_logit_on_the_page(page, runs):
    _, model, ids = opened(runs)
    app = page(token="7", rival="3", position="2")
    expected = attribute_logit(model, ids, 7, 3, 2)
    logits = model(ids[None])[0, 2]
    total, lead, apart = (float(metric.value) for metric in app.metric)
    assert total == lead == pytest.approx(float(logits[7] - logits[3]), abs=1e-4)
    assert apart < 1e-4 and app.metric[1].label == "Lead"
    assert float(chart(app, "largest first")["data"][0]["text"][0]) == pytest.approx(
        max((part.value for part in expected.parts), key=abs), abs=1e-3
    )


def test_token_and_rival_stand_in_the_link(page):
    app = page()
    app = app.selectbox(key="widget:token").set_value(5).run()
    app = app.selectbox(key="widget:rival").set_value(6).run()
    assert not app.exception and (app.query_params["token"], app.query_params["rival"]) == ("5", "6")


@pytest.mark.parametrize("color", ["entropy", "KL", "rank"])
def test_every_colour_can_be_drawn(page, color):
    app = page()
    app = app.segmented_control[0].set_value(color).run()
    assert not app.exception and not app.error


@pytest.mark.parametrize("wrong", ["999999", "-1", "x", "<script>", "٣", "99999999999999999999"])
def test_tokens_and_points_that_are_not_there_are_reported(page, wrong):
    app = page(token=wrong, rival=wrong, point=wrong)
    assert "There is no token" in messages(app) and "There is no point" in messages(app)
    assert "<script" not in messages(app).replace("\\<", "") and app.metric[1].label == "Logit"


def test_a_long_prompt_shows_the_stretch_of_the_chosen_position_until_all_is_wanted(page):
    app = page(prompt=9_000 * "he", position="11")
    assert [cell[1] for cell in chart(app, "Table of")["data"][1]["customdata"]][0:60:5] == list(range(12))
    app = app.toggle[0].set_value(True).run()
    assert len(chart(app, "Table of")["data"][1]["text"]) == 5 * 32


@pytest.mark.parametrize("prompt", ["e", "<script>alert(1)</script>", "😀", "\n \t"])
def test_any_prompt_is_drawn(page, prompt):
    app = page(prompt=prompt)
    assert len(plots(app)) == 5 and not app.error


def test_a_bigram_and_an_empty_prompt_have_an_empty_state(page):
    assert "no layers" in messages(page(model="runs/table"))
    assert "prompt is empty" in messages(page(prompt=""))


def test_a_post_norm_model_has_a_lens_but_no_sum(page, train_kind):
    for switches in ({"norm": "post"}, {"norm": "rms", "norm_place": "post"}):
        app = page(model=train_kind(**switches))
        assert chart(app, "Table of") and "post\\-norm" in messages(app) and not app.metric


def test_a_model_of_today_is_read_and_what_differs_is_said(page, train_kind):
    app = page(model=train_kind(**MODERN))
    said = messages(app)
    assert "no part reads “mid”" in said and "into ±3" in said and "they add nothing to the stream" in said
    assert "the last 2 and 3 tokens (n-grams)" in said
    assert "n-grams" in chart(app, "Contributions, largest first")["data"][0]["customdata"]
    total, logit, apart = (float(metric.value) for metric in app.metric)
    assert total == pytest.approx(logit, abs=1e-4) and apart < 1e-4
    assert len(chart(app, "Contributions by layer")["data"][0]["customdata"][0]) == 5  # 4 heads, and the MLP


def test_bars_come_largest_first_and_the_rest_keeps_the_sum():
    values = np.random.default_rng(0).normal(size=40)
    bars = parts_bars([f"part {i}" for i in range(40)], values).data[0]
    assert sum(bars.x) == pytest.approx(values.sum())
    assert list(map(abs, bars.x[:-1])) == sorted(map(abs, bars.x[:-1]), reverse=True)
    assert bars.customdata[-1] == "25 others"


def test_figures_refuse_what_does_not_fit():
    cells = [["a", "b"]]
    for draw in (
        lambda: parts_bars(["a"], [1.0, 2.0]),
        lambda: parts_bars(["a"], [np.nan]),
        lambda: parts_map(np.ones((2, 3)), np.ones(3)),
        lambda: lens_table(["p"], ["0 a"], cells, np.ones((1, 2)), cells, top=1, chosen=(0, 0)),
        lambda: lens_table(["p"], ["0 a", "1 b"], cells, np.ones((1, 2)), cells, top=1, chosen=(0, 2)),
        lambda: through_points(["p"], np.ones(1), np.ones(2), None, 0),
    ):
        with pytest.raises(ValueError):
            draw()


def test_the_table_of_one_stretch_and_its_download_are_shown_without_scrolling():
    cells = [ROWS * ["a"]]
    table = lens_table(["p"], [f"{i} a" for i in range(ROWS)], cells, np.ones((1, ROWS)), cells, top=1, chosen=(0, 0))
    assert table.layout.height + 60 <= TALLEST
