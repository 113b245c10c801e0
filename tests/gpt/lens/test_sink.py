import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, Bigram, GPTConfig
from gpt.lens.sink import first_token_weight, sink_weight, without_first_token


def random_patterns(n_head: int, T: int, seed: int, *, causal: bool = True, sharpness: float = 3) -> torch.Tensor:
    scores = torch.randn(2, n_head, T, T, generator=torch.Generator().manual_seed(seed)) * sharpness
    if causal:
        scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)
    return scores.softmax(-1)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3), st.integers(2, 20), st.integers(0, 99), st.booleans(), st.sampled_from([0.1, 3, 20]))
def test_each_row_sums_to_one_and_keeps_its_proportions(n_head, T, seed, causal, sharpness):
    patterns = random_patterns(n_head, T, seed, causal=causal, sharpness=sharpness)
    before = patterns.clone()
    rest = without_first_token(patterns)
    assert rest.shape == patterns.shape and torch.equal(patterns, before)
    there = patterns[..., 1:].sum(-1) > 0
    torch.testing.assert_close(rest.sum(-1)[there], torch.ones(int(there.sum())))
    assert (rest[..., 0][there] == 0).all() and rest[~there].isnan().all()
    share = 1 - patterns[..., :1].double()
    torch.testing.assert_close(
        (rest.double() * share)[there], patterns[there].double() * (torch.arange(T) > 0), atol=1e-5, rtol=1e-3
    )


def test_the_first_query_of_a_causal_pattern_has_no_keys_left():
    rest = without_first_token(random_patterns(2, 5, seed=0))
    assert rest[..., 0, :].isnan().all() and not rest[..., 1:, :].isnan().any()
    torch.testing.assert_close(rest[..., 1, 1], torch.ones(2, 2))


def test_a_head_that_reads_only_the_first_token_has_the_weight_one():
    patterns = torch.zeros(1, 2, 4, 4)
    patterns[0, 0, :, 0] = 1
    patterns[0, 1] = torch.eye(4)
    assert first_token_weight(patterns).tolist() == [[1, 0]]
    assert first_token_weight(torch.ones(1, 1, 1, 1)).isnan().all()


def test_a_models_sink_is_the_mean_over_its_heads():
    config = GPTConfig(vocab_size=11, block_size=8, n_layer=3, n_head=2, n_embd=8)
    model, ids = GPT(config).eval(), torch.randint(11, (8,))
    _, cache = model.run_with_cache(ids[None], "blocks.*.attn.hook_pattern")
    expected = torch.stack([cache["pattern", layer][0, :, 1:, 0] for layer in range(3)]).mean()
    assert sink_weight(model, ids) == pytest.approx(expected.item(), abs=1e-6)


def test_without_heads_there_is_no_sink():
    config = GPTConfig(vocab_size=11, block_size=8, n_layer=0)
    assert math.isnan(sink_weight(Bigram(config), torch.arange(8)))
