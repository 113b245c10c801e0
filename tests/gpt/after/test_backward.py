"""Backpropagation by hand: known answers, and torch's gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt.after.backward import autograd_difference, backpropagate, cross_entropy_graph, depths, head_graph, total

LOGITS = st.lists(st.floats(-8, 8), min_size=2, max_size=5)


def graph_of(*logits: float, target: int):
    return cross_entropy_graph(torch.tensor(logits, dtype=torch.float64, requires_grad=True), target)


def test_logits_ln_1_ln_2_ln_5_have_gradients_p_minus_y():
    shares = backpropagate(graph_of(0.0, math.log(2), math.log(5), target=1))
    gradients = [total(shares[name]).item() for name in ("z₀", "z₁", "z₂")]
    assert gradients == pytest.approx([1 / 8, 2 / 8 - 1, 5 / 8])
    assert [share.giver for share in shares["e₁"]] == ["p₁", "s"]
    assert [share.amount.item() for share in shares["e₁"]] == pytest.approx([-1 / 2, 1 / 8])


@given(LOGITS, st.integers(0, 4))
def test_every_node_of_the_loss_has_torchs_gradient(logits, target):
    nodes = graph_of(*logits, target=target % len(logits))
    assert autograd_difference(nodes) < 1e-6 * max(1, total(backpropagate(nodes)[nodes[-2].name]).abs().item())
    gradients = [total(backpropagate(nodes)[node.name]).item() for node in nodes[: len(logits)]]
    assert sum(gradients) == pytest.approx(0, abs=1e-9), "the shares of a softmax sum to 1"


@given(st.integers(0, 10_000))
def test_every_node_of_a_head_has_torchs_gradient(seed):
    generator = torch.Generator().manual_seed(seed)
    x, *matrices = (
        torch.randn(size, 2, dtype=torch.float64, generator=generator, requires_grad=True) for size in (3, 2, 2, 2)
    )
    nodes = head_graph(x, *matrices)
    assert autograd_difference(nodes) < 1e-9
    shares = backpropagate(nodes)
    assert not total(shares["scores"]).triu(1).any(), "no gradient reaches a score of the future"
    assert [share.giver for share in shares["x"]] == ["v", "k", "q"]


def test_a_node_comes_after_all_its_inputs():
    assert list(depths(graph_of(0.0, 1.0, target=0)).values()) == [0, 0, 1, 1, 2, 3, 4]
