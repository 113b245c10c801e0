"""Rotary positions by hand: the score depends on the distance only, and the model turns by the same angles."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt import GPTConfig
from gpt.after.rotary import frequencies, score, scores_by_distance, turn
from gpt.model.positions import Rotary

NUMBER = st.floats(-3, 3)
PAIR = st.tuples(NUMBER, NUMBER)
POSITION = st.integers(0, 2000)


def arrows(*pairs):
    return torch.tensor(pairs, dtype=torch.float64)


def test_thirty_degrees_a_token_two_tokens_apart_give_a_half():
    east, speeds = arrows((1.0, 0.0)), torch.tensor([math.radians(30)], dtype=torch.float64)
    assert score(east, east, 9, 7, speeds) == pytest.approx(0.5)
    assert score(east, east, 109, 107, speeds) == pytest.approx(0.5)
    assert score(east, east, 7, 4, speeds) == pytest.approx(0, abs=1e-12)


@given(PAIR, PAIR, POSITION, POSITION, st.integers(0, 2000))
def test_moving_both_changes_nothing(q, k, q_position, k_position, shift):
    q, k = arrows(q, q), arrows(k, k)
    speeds = frequencies(2)
    here = score(q, k, q_position, k_position, speeds)
    assert score(q, k, q_position + shift, k_position + shift, speeds) == pytest.approx(here, abs=1e-9)
    distance = torch.tensor([q_position - k_position], dtype=torch.float64)
    assert scores_by_distance(q, k, speeds, distance).item() == pytest.approx(here, abs=1e-9)


@given(PAIR, POSITION)
def test_an_arrow_keeps_its_length(pair, position):
    turned = turn(arrows(pair), position * frequencies(1))
    assert turned.norm().item() == pytest.approx(arrows(pair).norm().item(), abs=1e-9)


def test_the_model_turns_by_the_same_angles():
    config = GPTConfig(n_embd=32, n_head=2, positions="rotary")
    x = torch.randn(1, 20, 2, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pairs = x.unflatten(-1, (2, 8)).transpose(-1, -2)  # the model's feature i is paired with i + d_head / 2
    angles = torch.arange(5, 25, dtype=torch.float64)[:, None, None] * frequencies(8)
    expected = turn(pairs, angles).transpose(-1, -2).flatten(-2)
    assert torch.allclose(Rotary(config)(x, start=5), expected)
