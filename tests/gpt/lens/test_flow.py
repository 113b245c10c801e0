import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.lens.flow import rollout


def causal_patterns(n_layer: int, n_head: int, T: int, seed: int = 0) -> torch.Tensor:
    scores = torch.randn(n_layer, n_head, T, T, generator=torch.Generator().manual_seed(seed))
    return scores.masked_fill(~torch.ones(T, T).tril().bool(), -torch.inf).softmax(-1)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 9), st.integers(0, 99))
def test_rows_sum_to_one_and_nothing_comes_from_the_future(n_layer, n_head, T, seed):
    found = rollout(causal_patterns(n_layer, n_head, T, seed))
    assert found.shape == (n_layer, T, T)
    torch.testing.assert_close(found.sum(-1), torch.ones(n_layer, T))
    assert (found.triu(1) == 0).all() and (found >= 0).all()


def test_heads_that_read_from_themselves_leave_every_token_in_its_place():
    identity = torch.eye(5).expand(3, 2, 5, 5)
    assert torch.equal(rollout(identity), torch.eye(5).expand(3, 5, 5))


def test_one_layer_is_half_its_pattern_and_half_itself():
    patterns = causal_patterns(1, 3, 6)
    torch.testing.assert_close(rollout(patterns)[0], (patterns[0].mean(0) + torch.eye(6)) / 2)


def test_two_previous_token_layers_reach_two_back():
    previous = torch.eye(5).roll(-1, 1).tril()
    previous[0, 0] = 1
    found = rollout(previous.expand(2, 1, 5, 5))[-1]
    torch.testing.assert_close(found[4], torch.tensor([0, 0, 0.25, 0.5, 0.25]))


def test_no_layers_make_no_rollout_and_other_shapes_are_refused():
    assert rollout(torch.zeros(0, 2, 4, 4)).shape == (0, 4, 4)
    with pytest.raises(ValueError, match="n_layer"):
        rollout(torch.zeros(2, 4, 4))
