import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt.lens.difference import moved_weight, rank_heads


def random_patterns(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(shape, generator=generator)).softmax(-1)


def test_known_shares():
    before = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    after = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
    assert moved_weight(before, before) == 0, "equal patterns"
    assert moved_weight(before[:1], after[:1]) == 1, "rows that share no key"
    assert moved_weight(before[1:], after[1:]) == 0.25, "a quarter of the weight went to another key"
    assert moved_weight(before, after) == 0.625, "the mean over the queries"


shapes = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(1, 6))


@given(st.integers(0, 999), st.integers(0, 999), shapes)
def test_a_share_is_symmetric_between_0_and_1_and_0_only_for_equal_patterns(one, other, shape):
    before, after = random_patterns(one, *shape), random_patterns(other, *shape)
    moved = moved_weight(before, after)
    assert moved.shape == shape[:2]
    assert torch.equal(moved, moved_weight(after, before))
    assert (moved >= 0).all() and (moved <= 1 + 1e-6).all()
    assert (moved_weight(before, before) == 0).all()
    if one != other and shape[-1] > 1:
        assert (moved > 0).all()


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_way_around_is_never_shorter(one, other, third):
    a, b, c = (random_patterns(seed, 2, 5, 5) for seed in (one, other, third))
    assert (moved_weight(a, c) <= moved_weight(a, b) + moved_weight(b, c) + 1e-6).all()


@given(st.floats(0, 1))
def test_a_mixture_moves_its_share_of_the_whole_way(share):
    before, after = random_patterns(1, 3, 4, 4), random_patterns(2, 3, 4, 4)
    moved = moved_weight(before, before + share * (after - before))
    torch.testing.assert_close(moved, share * moved_weight(before, after), atol=1e-6, rtol=1e-4)


def test_rows_without_a_number_do_not_count():
    before, after = torch.eye(3), torch.eye(3).roll(1, 0)
    before[0] = torch.nan
    after[1] = torch.tensor([0.0, 1.0, 0.0])
    assert moved_weight(before, after) == 0.5


@pytest.mark.parametrize("shapes", [((2, 3, 3), (2, 4, 4)), ((3,), (3,)), ((2, 0, 0), (2, 0, 0))])
def test_other_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match="pass two of one shape"):
        moved_weight(*(torch.zeros(shape) for shape in shapes))


def test_heads_are_ranked_by_what_they_moved():
    moved = torch.tensor([[0.1, torch.nan, 0.3], [0.3, 0.0, 0.9]])
    assert rank_heads(moved) == [(1, 2), (0, 2), (1, 0), (0, 0), (1, 1), (0, 1)]
