"""Prompts whose patterns do not fit: the page says so before it computes, and offers layers and tokens that fit."""

import csv
import io

import numpy as np
import pytest
from safetensors.numpy import load

from explorer.figures.picture import pattern_svg
from explorer.opened import open_model
from explorer.shared import downloads, patterns
from tests.explorer.drawn import drawn

IDS = tuple(range(8))


@pytest.fixture
def small(runs, monkeypatch):
    """Room for one of the two layers of `tiny` on eight tokens: 4 bytes × 3 heads × 8²."""
    whole = patterns.attention(open_model("runs/tiny"), IDS)
    monkeypatch.setattr(patterns, "MOST_PATTERNS", 4 * 3 * 8**2)
    return whole


def test_what_does_not_fit_is_refused_before_it_is_computed(small, monkeypatch):
    monkeypatch.setattr(patterns, "forward", lambda *_: pytest.fail("memory was spent"))
    with pytest.raises(ValueError, match=r"8 tokens take \d+ KB.*1 layers at a time.*shorten the prompt to 5 tokens"):
        patterns.attention(open_model("runs/tiny"), IDS)


def test_fewer_layers_or_tokens_fit(small):
    assert (
        patterns.layers_that_fit(open_model("runs/tiny"), 8) == 1
        and patterns.tokens_that_fit(open_model("runs/tiny")) == 5
    )
    one_layer = patterns.attention(open_model("runs/tiny"), IDS, (1,))
    np.testing.assert_allclose(one_layer[1], small[1], atol=1e-6)  # layer 0, unheard, takes the fused kernel
    assert not one_layer[0].any()
    assert patterns.attention(open_model("runs/tiny"), IDS[:5]).shape == (2, 3, 5, 5)
    assert len(patterns.next_token(open_model("runs/tiny"), IDS)[0]) == patterns.N_TOP


def test_the_page_offers_layers_and_tokens(small, open_app):
    app = open_app(prompt="hear me ", layer="1", head="2")
    assert not app.exception and "Up to" in app.warning[0].value
    assert list(app.multiselect[0].value) == [0]
    view = drawn(app)[0].proto.bytes
    assert b'"kept": [1]' in view  # the chosen head's layer
    next(button for button in app.button if button.label == "Keep the last 5 tokens").click().run()
    assert not app.exception and app.text_area[0].value == "r me "
    assert not app.multiselect


def test_a_link_opens_the_layers_that_are_kept(small, open_app):
    app = open_app(prompt="hear me ", layers="1,9")
    assert list(app.multiselect[0].value) == [1] and b'"kept": [1]' in drawn(app)[0].proto.bytes
    app = app.multiselect[0].set_value([0]).run()
    assert not app.exception and app.query_params["layers"] == "0"


def test_not_even_one_layer(small, open_app, monkeypatch):
    monkeypatch.setattr(patterns, "MOST_PATTERNS", 100)
    app = open_app(prompt="hear me ")
    assert not app.exception and "not even one layer" in app.error[0].value


def test_a_drawing_and_a_table_hold_what_is_there():
    pattern = np.array([[1, 0], [0.25, 0.75]], np.float32)
    drawn = pattern_svg(pattern, ["<", "&"], causal=True).decode()
    assert drawn.count("<rect x=") == 3 == downloads.pattern_rows(1, 2, 2, True) and "0 &lt;" in drawn
    table = downloads.patterns_csv(pattern[None, None], ["=", '"'], [(0, 0)], causal=True).decode("utf-8-sig")
    assert table.splitlines()[1:] == ["0,0,0,'=,0,'=,1.0", '0,0,1,"""",0,\'=,0.25', '0,0,1,"""",1,"""",0.75']


def test_a_rectangle_is_written_with_both_lists_of_tokens():
    pattern = np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]], np.float32)
    drawn = pattern_svg(pattern, ["q", "r"], causal=False, keys=["<", "b", "c"]).decode()
    assert (
        drawn.count("<rect x=") == 6 == downloads.pattern_rows(1, 2, 3, False) and "0 &lt;" in drawn and "1 r" in drawn
    )
    table = downloads.patterns_csv(
        pattern[None, None], ["q", "r"], [(0, 0)], causal=False, keys=["=", "b", "c"]
    ).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(table)))
    assert (
        len(rows) == 7 and rows[1] == ["0", "0", "0", "q", "0", "'=", "0.25"] and rows[4][2:6] == ["1", "r", "0", "'="]
    )
    arrays = load(downloads.arrays({"cross": pattern}, source="qr"))
    np.testing.assert_array_equal(arrays["cross"], pattern)
