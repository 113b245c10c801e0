import itertools

import networkx  # torch brings it
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.lens.flow import attention_flow, mixed, rollout


def patterns_of(n_layer: int, n_head: int, T: int, seed: int = 0, causal: bool = True) -> torch.Tensor:
    scores = 3 * torch.randn(n_layer, n_head, T, T, generator=torch.Generator().manual_seed(seed))
    return scores.masked_fill(torch.ones(T, T).triu(1).bool() & causal, -torch.inf).softmax(-1)


def flows(patterns: torch.Tensor, position: int) -> torch.Tensor:
    return torch.tensor(list(attention_flow(patterns, position)))


def maximum_flow(pipes: torch.Tensor, token: int, position: int) -> float:
    """The same by a library's algorithm, node by node."""
    graph = networkx.DiGraph()
    graph.add_nodes_from([(0, token), (len(pipes), position)])
    for layer, query, key in itertools.product(*map(range, pipes.shape)):
        graph.add_edge((layer, key), (layer + 1, query), capacity=pipes[layer, query, key].item())
    return networkx.maximum_flow_value(graph, (0, token), (len(pipes), position))


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 9), st.integers(0, 99))
def test_rows_sum_to_one_and_nothing_comes_from_the_future(n_layer, n_head, T, seed):
    found = rollout(patterns_of(n_layer, n_head, T, seed))
    assert found.shape == (n_layer, T, T)
    torch.testing.assert_close(found.sum(-1), torch.ones(n_layer, T))
    assert (found.triu(1) == 0).all() and (found >= 0).all()


def test_heads_that_read_from_themselves_leave_every_token_in_its_place():
    identity = torch.eye(5).expand(3, 2, 5, 5)
    assert torch.equal(rollout(identity), torch.eye(5).expand(3, 5, 5))


def test_one_layer_is_half_its_pattern_and_half_itself():
    patterns = patterns_of(1, 3, 6)
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


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(1, 7), st.integers(0, 99), st.booleans(), st.data())
def test_flow_is_the_maximum_flow_and_no_less_than_rollout(n_layer, T, seed, causal, data):
    patterns = patterns_of(n_layer, 2, T, seed, causal)
    position = data.draw(st.integers(0, T - 1))
    found, pipes = flows(patterns, position), mixed(patterns).double()
    for token in range(T):
        assert found[token].item() == pytest.approx(maximum_flow(pipes, token, position), abs=1e-6)
    assert (found >= rollout(patterns)[-1, position] - 1e-6).all() and (found <= 1 + 1e-6).all()
    assert (found <= pipes[0].sum(0) + 1e-6).all()  # nothing sends more than what leaves it
    assert not causal or (found[position + 1 :] == 0).all()


def test_the_flow_through_one_layer_is_its_mixed_pattern():
    patterns = patterns_of(1, 3, 6)
    torch.testing.assert_close(flows(patterns, 4), mixed(patterns)[0, 4].float(), atol=1e-6, rtol=0)


def test_a_flow_takes_both_ways_round_and_no_more_than_the_narrowest_pipe():
    previous = torch.eye(4).roll(-1, 1).tril()
    previous[0, 0] = 1
    found = flows(previous.expand(2, 1, 4, 4), 3)
    torch.testing.assert_close(
        found, torch.tensor([0, 0.5, 1, 0.5]), atol=1e-6, rtol=0
    )  # from 2 to 3 there are two ways: stay and step, step and stay


def test_the_flow_through_many_layers_of_many_tokens_stays_within_its_bounds():
    patterns = patterns_of(12, 4, 48)
    found, pipes = flows(patterns, 47), mixed(patterns)
    assert (found >= rollout(patterns)[-1, 47] - 1e-5).all()
    assert (found <= pipes[0].sum(0).clamp(max=1) + 1e-5).all()


@pytest.mark.parametrize(
    ("shape", "position"), [((0, 2, 4, 4), 0), ((2, 1, 4, 4), 4), ((2, 1, 4, 4), -1), ((2, 4, 4), 0)]
)
def test_a_flow_to_nowhere_is_refused(shape, position):
    with pytest.raises(ValueError, match=r"position|n_layer"):
        list(attention_flow(torch.ones(shape), position))
