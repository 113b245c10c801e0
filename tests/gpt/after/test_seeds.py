"""Seeds by hand: births, partners and the seeds that a difference needs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt.after import seeds

ORDERS = st.permutations(range(5))
STEPS = [0, 100, 200, 400]


def patterns(n_head, T=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    behind = torch.ones(T, T).triu(1).bool()
    return torch.randn(n_head, T, T, generator=generator).masked_fill(behind, -torch.inf).softmax(-1)


def rising(*values):
    return torch.tensor([[[value, 0.0], [0.0, -0.1]] for value in values])


def test_a_birth_is_between_two_snapshots():
    assert seeds.birth(STEPS, rising(0.0, 0.2, 0.6, 0.9)) == pytest.approx(150)
    assert seeds.birth(STEPS, rising(0.0, 0.2, 0.6, 0.9), threshold=0.8) == pytest.approx(200 + 200 * 2 / 3, abs=0.1)
    assert seeds.birth(STEPS, rising(0.5, 0.6, 0.7, 0.8)) == 0
    assert seeds.birth(STEPS, rising(0.0, 0.1, 0.2, 0.3)) is None


@given(ORDERS)
def test_heads_in_another_order_are_found_again(order):
    one = patterns(5)
    partners = seeds.match_heads(seeds.head_distances(one, one[order]))
    assert [order[partner] for partner in partners] == list(range(5))


def test_partners_have_the_smallest_sum_even_if_a_head_gives_up_its_nearest():
    distances = torch.tensor([[0.1, 0.2], [0.1, 0.9]])
    assert seeds.match_heads(distances) == (1, 0)
    with pytest.raises(ValueError, match="9 heads have too many orders"):
        seeds.match_heads(torch.zeros(9, 9))


@given(st.floats(0.001, 1), st.floats(0.001, 1))
def test_that_many_seeds_show_the_difference_and_one_less_does_not(difference, spread):
    n = seeds.seeds_needed(difference, spread)
    assert difference >= 2 * spread * (2 / n) ** 0.5 * (1 - 1e-6)
    assert n == 1 or difference < 2 * spread * (2 / (n - 1)) ** 0.5


def test_a_difference_of_nothing_needs_another_one():
    with pytest.raises(ValueError, match="difference is 0"):
        seeds.seeds_needed(0, 0.01)


def test_the_seeds_that_ship_are_those_of_the_recipe_and_are_born():
    shipped = seeds.shipped_seeds()
    assert [each.seed for each in shipped] == list(seeds.SEEDS)
    for each in shipped:
        assert each.evaluated[-1] == each.steps[-1] == seeds.RECIPE.steps and len(each.losses) == len(each.evaluated)
        assert torch.allclose(each.patterns.sum(-1), torch.ones(()), atol=0.01)
        assert each.induction.shape == (len(each.steps), 2, 4) and seeds.birth(each.steps, each.induction)


def test_a_seed_is_measured_and_written(tmp_path, monkeypatch):
    monkeypatch.setattr(seeds, "FILE", tmp_path / "seeds.json")
    monkeypatch.setattr(seeds, "SEEDS", [3])
    monkeypatch.setattr(seeds, "RECIPE", seeds.RECIPE.changed(steps=2, snapshots=2, eval_every=1))
    seeds.train_seeds()
    [third] = seeds.shipped_seeds(tmp_path / "seeds.json")
    assert (third.seed, third.steps, third.evaluated) == (3, [0, 1, 2], [0, 1, 2])
    assert third.patterns.shape == (2, 4, 16, 16) and third.induction.shape == (3, 2, 4)
