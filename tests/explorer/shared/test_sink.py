"""The switch that hides the first token on the pages that draw patterns."""

import csv
import io

import numpy as np
import pytest
import torch

from explorer.components.attention_view.packing import displayed
from explorer.opened import open_model
from explorer.shared import downloads, sink
from explorer.shared.patterns import attention
from gpt.lens.sink import without_first_token
from tests.explorer.explore.test_attention import header, messages, weights

PROMPT = "hear me speak"


def switch(app):
    return next(toggle for toggle in app.toggle if "Hide the first token" in toggle.label)


def renormalised(opened) -> np.ndarray:
    """(n_layer, n_head, T, T), NaN for the first query."""
    ids = tuple(opened.tokenizer.encode(PROMPT))
    return without_first_token(torch.from_numpy(attention(opened, ids))).numpy()


def test_a_model_that_was_trained_here_shows_its_first_token_until_it_is_hidden(open_app):
    app = open_app(prompt=PROMPT)
    assert not switch(app).value and not header(app)["hides_first"] and "sink" not in messages(app)
    app = switch(app).set_value(True).run()
    assert not app.exception and app.query_params["hide-first-token"] == "True"
    assert header(app)["hides_first"]
    sent = weights(app)
    np.testing.assert_allclose(sent[:, :, 1:].sum(-1), 1, atol=1e-3)
    assert not sent[..., 0].any() and not sent[:, :, 0].any()
    expected = renormalised(open_model("runs/tiny"))[:, :, 1:]
    np.testing.assert_allclose(sent[:, :, 1:], expected, atol=1e-4)
    said = messages(app)
    assert "attention sink" in said and "arxiv.org/abs/2309.17453" in said and "renormalised" in said


def test_the_heads_at_rest_are_found_whether_or_not_the_first_token_is_hidden(open_app):
    shown, hidden = (open_app(prompt=PROMPT, **{"hide-first-token": value}) for value in ("False", "True"))
    assert header(shown)["arrange"]["first"] == header(hidden)["arrange"]["first"]


def test_the_explained_weight_ends_at_the_number_in_the_heatmap(open_app):
    place = {"layer": "1", "head": "2", "query": "9", "key": "4"}
    app = open_app(prompt=PROMPT, **place, **{"hide-first-token": "True"})
    steps = {markdown.value.split("]")[0]: markdown.value for markdown in app.markdown}
    in_map = renormalised(open_model("runs/tiny"))[1, 2, 9, 4]
    assert f"**{displayed(in_map):.5g}**" in steps[":small[In the heatmap"]
    assert ":small[= shown" in steps and ":small[÷ the row's other weights" in steps
    app = open_app(prompt=PROMPT, **place | {"key": "0"}, **{"hide-first-token": "True"})
    assert any("In the heatmap" in markdown.value and "**hidden**" in markdown.value for markdown in app.markdown)


def test_a_table_of_weights_has_no_first_key(runs):
    patterns = sink.shown_patterns(attention(open_model("runs/tiny"), (1, 2, 3, 4)), hides_first=True)
    table = downloads.patterns_csv(patterns, "abcd", [(0, 0)], causal=True, hides_first=True).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["query position"], row["key position"]) for row in rows][:3] == [("1", "1"), ("2", "1"), ("2", "2")]
    assert rows[0]["weight"] == "1.0"
    assert sum(float(row["weight"]) for row in rows[3:6]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("page", ["heads", "flow", "interventions"])
def test_the_other_pages_that_draw_patterns_have_the_switch(open_app, page):
    app = open_app(prompt=PROMPT, **{"hide-first-token": "True"}).switch_page(f"../pages/{page}.py").run()
    assert not app.exception and switch(app).value and "attention sink" in messages(app)
    app = switch(app).set_value(False).run()
    assert not app.exception and "attention sink" not in messages(app)


def test_a_bigram_has_no_first_token_to_hide(open_app):
    assert not open_app(model="runs/table").toggle


def test_a_prompt_of_one_token_is_left_with_nothing(open_app):
    app = open_app(prompt="h", **{"hide-first-token": "True"})
    assert not app.exception and not weights(app).any()
