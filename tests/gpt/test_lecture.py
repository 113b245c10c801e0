import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt import GPT, Bigram, GPTConfig, lecture
from gpt.model.attention import Attention

CONFIG = GPTConfig(vocab_size=11, block_size=16, n_layer=2, n_head=3, n_embd=12)
shapes = st.tuples(*[st.integers(1, 6)] * 3)


def double(model):
    torch.manual_seed(0)
    return model.double().eval()


@given(shapes, st.integers(0, 2**32 - 1))
def test_three_ways_to_average_are_one(shape, seed):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    first = lecture.average_v1(x)
    assert torch.allclose(first, lecture.average_v2(x)) and torch.allclose(first, lecture.average_v3(x))
    assert torch.equal(first[:, 0], x[:, 0]) and torch.allclose(first[:, -1], x.mean(1))


def test_the_loops_go_row_by_row_and_fill_everything_once():
    steps = [(b, t) for b, t, _ in lecture.averaging_steps(torch.zeros(2, 3, 1))]
    assert steps == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


@given(st.lists(st.integers(0, 64), min_size=1, max_size=9))
def test_a_chunk_of_t_plus_one_tokens_holds_t_examples(chunk):
    found = lecture.examples(chunk)
    assert len(found) == len(chunk) - 1
    assert all([*context, target] == chunk[: len(context) + 1] for context, target in found)


def test_one_head_by_hand_is_the_models_own():
    torch.manual_seed(0)
    attention = Attention(GPTConfig(n_head=1, n_embd=8, block_size=8, bias=False, projection=False)).eval()
    x = torch.randn(5, 8)
    by_hand = lecture.one_head(x, *(w.T for w in attention.qkv.weight.chunk(3)))
    assert torch.allclose(by_hand.out, attention(x[None])[0], atol=1e-6)
    assert torch.allclose(by_hand.weights.sum(-1), torch.ones(5)) and by_hand.weights.triu(1).eq(0).all()
    unscaled = lecture.one_head(x, *(w.T for w in attention.qkv.weight.chunk(3)), scale=False)
    assert torch.allclose(unscaled.scores, by_hand.scores * 8**0.5)


def test_cross_attention_is_torchs_over_another_sequence():
    torch.manual_seed(0)
    x, memory, matrices = torch.randn(3, 8), torch.randn(5, 8), torch.randn(3, 8, 4)
    found = lecture.one_head(x, *matrices, memory=memory)
    q, k, v = x @ matrices[0], memory @ matrices[1], memory @ matrices[2]
    torch.testing.assert_close(found.out, torch.nn.functional.scaled_dot_product_attention(q, k, v))
    assert found.weights.shape == (3, 5) and found.weights.gt(0).all()
    torch.testing.assert_close(found.weights.sum(-1), torch.ones(3))


def test_messages_sum_to_the_weighted_values():
    weights, v = torch.rand(4, 4).tril(), torch.randn(4, 3)
    steps = list(lecture.message_steps(weights, v))
    assert [t for t, _, _ in steps] == [0, 1, 2, 3]
    torch.testing.assert_close(torch.stack([total for _, _, total in steps]), weights @ v)
    assert steps[1][1][2:].eq(0).all()  # the future sends nothing


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("positions", ["none", "learned", "sinusoidal"])
def test_order_is_nothing_exactly_without_positions_and_mask(causal, positions):
    model = double(GPT(GPTConfig(**{**vars(CONFIG), "causal": causal, "positions": positions})))
    moved = lecture.permutation_difference(model, torch.arange(10), torch.randperm(10))
    assert (moved.max() < 1e-12) == (positions == "none" and not causal)


@pytest.mark.parametrize("causal", [True, False])
def test_an_edit_is_felt_in_its_row_alone_and_under_the_mask_not_before_it(causal):
    model = double(GPT(GPTConfig(**{**vars(CONFIG), "causal": causal})))
    felt = lecture.edit_effects(model, torch.randint(11, (3, 8)), row=1, position=4, token=0)
    assert felt[[0, 2]].eq(0).all() and felt[1, 4] > 0
    assert bool(felt[1, :4].gt(0).any()) == (not causal)
    assert felt[1, 5:].gt(0).all()


def test_a_bigram_feels_an_edit_at_its_place_alone():
    idx = torch.randint(1, 11, (2, 5))
    felt = lecture.edit_effects(Bigram(CONFIG), idx, row=0, position=2, token=0)
    assert felt.nonzero().tolist() == [[0, 2]]


def test_an_encoder_of_the_same_weights_differs_by_its_mask_alone():
    model = GPT(CONFIG).eval()
    encoder = lecture.with_mask(model, causal=False)
    idx = torch.randint(11, (2, 6))
    assert all(a.data_ptr() == b.data_ptr() for a, b in zip(model.parameters(), encoder.parameters(), strict=True))
    assert torch.equal(lecture.with_mask(encoder, causal=True)(idx), model(idx))
    assert not torch.allclose(encoder(idx)[:, 0], model(idx)[:, 0])
    assert torch.allclose(encoder(idx[:, :1]), model(idx[:, :1]), atol=1e-6)  # a single token has no future


@pytest.mark.parametrize(
    "switches",
    [{}, {"causal": False}, {"scale": False}, {"projection": False}, {"bias": False}, {"d_head": 6, "n_kv_head": 3}],
)
def test_a_loop_over_heads_is_the_batched_product(switches):
    attention = double(Attention(GPTConfig(**{**vars(CONFIG), **switches})))
    x = torch.randn(2, 7, 12, dtype=torch.double)
    assert torch.allclose(lecture.heads_in_a_loop(attention, x), attention(x))
    assert torch.allclose(lecture.heads_at_once(attention, x), attention(x))


@pytest.mark.parametrize(
    ("switches", "named"),
    [
        ({"n_kv_head": 1}, "n_kv_head"), ({"positions": "rotary"}, "rotary"), ({"qk_norm": True}, "qk_norm"),
        ({"window": 2}, "window"),
    ],
)  # fmt: skip
def test_the_lectures_heads_are_not_those_of_today(switches, named):
    model = GPT(GPTConfig(**{**vars(CONFIG), "d_head": 4, **switches})).eval()
    x = torch.randn(2, 7, 12)
    for compute in (lecture.heads_in_a_loop, lecture.heads_at_once):
        with pytest.raises(ValueError, match=named):
            compute(model.blocks[0].attn, x)
    with pytest.raises(ValueError, match=named):
        lecture.head_by_hand(model, torch.arange(5))


@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.floats(0.01, 30))
def test_slopes_are_the_softmaxs_jacobian_and_a_sure_winner_has_none(n, seed, scale):
    scores = scale * torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    weights = scores.softmax(-1)
    slopes = lecture.softmax_slopes(weights)
    assert torch.allclose(slopes, torch.autograd.functional.jacobian(lambda s: s.softmax(-1), scores), atol=1e-12)
    assert torch.allclose(slopes.diagonal(), weights * (1 - weights)) and slopes.abs().max() <= 0.25
    assert slopes.abs().max() <= 1 - weights.max() + 1e-12


@pytest.mark.parametrize(("C", "d_head"), [(4, 4), (32, 8), (64, 64)])
def test_random_matrices_give_scores_of_variance_one_as_the_lecture_shows(C, d_head):
    generator = torch.Generator().manual_seed(0)
    heads = [
        lecture.one_head(torch.randn(8, C, generator=generator), *lecture.random_matrices(C, d_head, generator))
        for _ in range(300)
    ]
    off_diagonal = ~torch.eye(8, dtype=torch.bool)
    scores = torch.stack([head.scores for head in heads])[:, off_diagonal]
    assert scores.pow(2).mean().item() == pytest.approx(1, abs=0.25)
    assert torch.stack([head.q for head in heads]).var().item() == pytest.approx(1, abs=0.1)


def test_the_scale_keeps_the_variance_near_one_and_the_softmax_soft():
    found = lecture.saturation([4, 16, 64, 128], T=64)
    assert torch.allclose(found.variance / found.sizes, torch.ones(4), atol=0.25)
    assert torch.allclose(found.scaled_variance, torch.ones(4), atol=0.25)
    assert found.largest[-1] > 0.8 > 0.3 > found.scaled_largest.max()
    assert (found.slope <= 0.25).all() and found.slope[-1] < found.scaled_slope[-1]
    assert found.largest.diff().gt(0).all()


def test_normalising_is_layernorm_over_features_and_batchnorm_over_the_batch():
    x = 3 * torch.randn(6, 4) + 2
    assert torch.allclose(lecture.normalised(x, "features"), torch.nn.LayerNorm(4)(x), atol=1e-6)
    assert torch.allclose(lecture.normalised(x, "batch"), torch.nn.BatchNorm1d(4)(x), atol=1e-6)
    with pytest.raises(ValueError, match="choose features or batch"):
        lecture.normalised(x, "time")
