"""Gains over seeds by known answers, and the experts of each character by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt.after.ladder import T_QUANTILES, Gain, chosen_experts, expert_shares, paired_gain

losses = st.floats(-10, 10, allow_nan=False).map(lambda value: round(value, 6))


def test_a_gain_by_hand():
    gain = paired_gain([2.10, 2.20, 2.30, 2.40, 2.50], [2.00, 2.11, 2.18, 2.31, 2.40])  # 0.10 0.09 0.12 0.09 0.10
    assert gain.mean == pytest.approx(0.10) and gain.n == 5
    assert gain.error == pytest.approx(math.sqrt(0.0006 / 4 / 5))
    assert gain.half_width == pytest.approx(2.776 * gain.error)  # Student's t with 4 degrees of freedom
    assert gain.is_clear and gain.interval == pytest.approx((0.1 - gain.half_width, 0.1 + gain.half_width))


def test_an_interval_with_zero_is_no_gain_and_a_loss_is_clear_too():
    assert not paired_gain([2.0, 2.0, 2.0], [1.9, 2.1, 1.95]).is_clear
    worse = paired_gain([2.0, 2.0, 2.0], [2.1, 2.11, 2.09])
    assert worse.is_clear and worse.mean == pytest.approx(-0.1)


@given(st.lists(st.tuples(losses, losses), min_size=2, max_size=31), losses)
def test_what_a_seed_does_to_both_recipes_drops_out(pairs, shift):
    before, after = zip(*pairs, strict=True)
    gain, back = paired_gain(before, after), paired_gain(after, before)
    moved = paired_gain([loss + shift for loss in before], [loss + shift for loss in after])
    assert moved.mean == pytest.approx(gain.mean, abs=1e-9) and moved.error == pytest.approx(gain.error, abs=1e-9)
    assert back.mean == pytest.approx(-gain.mean, abs=1e-9) and back.is_clear == gain.is_clear


@pytest.mark.parametrize(("freedom", "low", "high"), [(1, 0.9749, 0.9751), (4, 0.9749, 0.9751), (30, 0.9749, 0.9751)])
def test_the_table_has_the_quantiles_of_students_t(freedom, low, high):
    """The integral of the density, by the trapezoid rule."""
    t = torch.linspace(0, T_QUANTILES[freedom - 1], 200_001, dtype=torch.float64)
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = scale * (1 + t**2 / freedom) ** (-(freedom + 1) / 2)
    assert low < 0.5 + float(torch.trapezoid(density, t)) < high
    assert list(T_QUANTILES) == sorted(T_QUANTILES, reverse=True)


@pytest.mark.parametrize(("before", "after"), [([2.0], [1.0]), ([2.0, 2.1], [1.0]), ([1.0] * 40, [1.0] * 40)])
def test_losses_that_make_no_pairs_are_refused(before, after):
    with pytest.raises(ValueError, match=rf"{len(before)} losses before and {len(after)} after do not make pairs"):
        paired_gain(before, after)


def test_equal_losses_gain_nothing():
    gain = paired_gain([1.5, 1.7], [1.5, 1.7])
    assert gain == Gain(0.0, 0.0, 2) and not gain.is_clear


def test_the_shares_of_each_character_by_hand(make_model, ids):
    model, text = make_model(experts=3, experts_per_token=2), ids(1, 30)[0]
    chosen, shares = chosen_experts(model, text), expert_shares(model, text)
    assert chosen.shape == (2, 30, 2) and shares.shape == (2, 11, 3)
    first, later = (model.run_with_cache(text[None, part], "*indices")[1] for part in (slice(0, 12), slice(12, 24)))
    assert torch.equal(chosen[1, :12], first["expert_indices", 1][0])
    assert torch.equal(chosen[1, 12:24], later["expert_indices", 1][0])  # chunks of block_size
    for layer in range(2):
        for token in range(11):
            mine = [expert for t in range(30) if text[t] == token for expert in chosen[layer, t].tolist()]
            expected = [mine.count(expert) / len(mine) if mine else math.nan for expert in range(3)]
            assert shares[layer, token].tolist() == pytest.approx(expected, nan_ok=True)


def test_a_forced_expert_gets_everything(make_model, ids):
    model, text = make_model(experts=3), ids(1, 10)[0]
    with model.hooks({"blocks.*.mlp.hook_expert_indices": lambda value, name: torch.full_like(value, 2)}):
        shares = expert_shares(model, text)
    seen = shares[:, text.unique()]
    assert (seen[..., 2] == 1).all() and not seen[..., :2].any()


def test_a_model_without_experts_is_refused(make_model, ids):
    with pytest.raises(ValueError, match="this model has experts=1; open one with experts=2 or more"):
        expert_shares(make_model(), ids(1)[0])
