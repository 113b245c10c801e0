"""The parts by hand on their pages: what the person picks is what the page computes, and the code's cells give it."""

import json
from functools import partial

import pytest
import torch

from explorer.lecture import positions
from explorer.lecture.block import depth, one_token
from explorer.lecture.multihead import concatenated
from gpt.by_hand import embedding_tables, feed_forward, random_feed_forward, through_blocks
from gpt.lecture import concatenated_heads
from tests.explorer.drawn import plots
from tests.explorer.lecture.running import copy_heads, run


@pytest.fixture
def open_answered(open_page):
    return partial(open_page, hide="guess")


def said(app, words):
    assert not app.exception
    return next(found.value for found in app.caption if words in found.value)


def drawn(app, alt):
    return json.loads(next(found.spec for found in plots(app) if alt in found.alt))


def test_the_same_token_at_another_position_is_another_vector(open_answered):
    assert "32 of 32 features differ" in said(open_answered("positions"), "Between the two sums")
    app = open_answered("positions", **{"added-letter": " ", "position-a": "3", "position-b": "3"})
    assert "0 of 32 features differ" in said(app, "Between the two sums")
    assert drawn(app, "8 features")["layout"]["yaxis"]["ticktext"] == ["tok_emb ·", "pos_emb 3", "sum at 3"]


def test_another_tokens_change_does_not_reach_a_token(open_answered):
    before, after = (open_answered("block", **{"fed-token": "5", "fed-others": off}) for off in ("False", "True"))
    numbers = [drawn(app, "The output of every token")["data"][1]["text"] for app in (before, after)]
    rows = [[grid[4 * row : 4 * row + 4] for row in range(8)] for grid in numbers]
    assert [one == other for one, other in zip(*rows, strict=True)] == [row == 5 for row in range(8)]


def test_a_changed_feature_changes_what_is_zero(open_answered):
    app = open_answered("block", **{"fed-token": "2", "fed-feature": "1", "fed-value": "-3.0"})
    x = one_token.tokens()[2]
    x[1] = -3
    zeros = int((feed_forward(x[None], *random_feed_forward(4, 16)).post == 0).sum())
    assert f"{zeros} of 16 hidden features are negative" in said(app, "Token 2: ")


def test_a_heads_slice_at_zero_is_drawn(open_answered):
    whole, off = (open_answered("multihead", slice="2", **{"slice-off": each}) for each in ("False", "True"))
    grids = [drawn(app, "The heads' outputs")["data"][0]["z"] for app in (whole, off)]
    assert grids[0] != grids[1] and "Head 2 writes features 16 to 23" in said(off, "writes features")


def test_a_vector_keeps_its_likeness_only_with_residual_connections(open_answered):
    measured = depth.measure(12, seed=1337)
    assert measured[depth.WITH].cosines[-1] > 0.5 > measured[depth.WITHOUT].cosines[-1].abs()
    assert measured[depth.WITH].gradients[0] > 0.5 > 100 * measured[depth.WITHOUT].gradients[0]
    assert "After block 12." in said(open_answered("block", **{"vector-blocks": "12"}), "the output's gradient reaches")


def test_the_cells_of_the_parts_compute_what_the_pages_do():
    xb = torch.randint(65, (4, 8), generator=torch.Generator().manual_seed(3))
    cells = run("positions", "sum", vocab_size=65, xb=xb)
    tokens, places = embedding_tables(65, positions.T, positions.C)
    assert torch.equal(cells["x"], tokens[xb] + places)

    cells = run("block", "feedforward", "one token")
    layers = random_feed_forward(4, 16)
    fed = feed_forward(cells["x"], *layers)
    assert torch.equal(cells["first"].weight, layers[0].weight) and torch.equal(cells["out"], fed.out)

    cells = run("block", "feedforward", "depth")
    for residual, name in ((True, "residual"), (False, "plain")):
        depths = through_blocks(cells["x"].detach(), cells["blocks"], residual)
        assert torch.allclose(depths.sizes[-1], cells[name].norm() / cells["x"].norm(), rtol=1e-4)


def test_the_cell_of_concatenation_is_the_attention():
    attention, x = concatenated.example()
    cells = run("multihead", "heads", "concatenation", Head=run("head", "head")["Head"])
    copy_heads(attention, cells["sa_heads"].heads)
    cat = torch.cat([head(x) for head in cells["sa_heads"].heads], dim=-1)
    assert torch.allclose(cat, concatenated_heads(attention, x), atol=1e-6)
