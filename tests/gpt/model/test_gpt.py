import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, GPTConfig, loss_of
from gpt.model.positions import sinusoids
from tests.gpt.configs import T, V, build, configs


def tokens(B: int, seed: int) -> torch.Tensor:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))


many = settings(max_examples=60, deadline=None, derandomize=True)


@many
@given(configs(), st.integers(0, 99))
def test_fused_and_explicit_attention_agree(config, seed):
    model, idx = build(config), tokens(2, seed)
    fused = model(idx)
    explicit, cache = model.run_with_cache(idx)
    assert len(cache) == len(model.hook_points)
    assert fused.shape == (2, T, V) and fused.isfinite().all()
    torch.testing.assert_close(explicit, fused, atol=1e-5, rtol=1e-5)


@many
@given(configs(), st.integers(0, 99))
def test_the_next_logits_are_those_of_the_last_position(config, seed):
    model, idx = build(config), tokens(2, seed)
    torch.testing.assert_close(model.next_logits(idx), model(idx)[:, -1], atol=1e-5, rtol=0)


@many
@given(configs(), st.integers(0, 99), st.integers(1, T - 1))
def test_the_future_changes_the_past_exactly_where_there_is_no_mask(config, seed, j):
    # where the stream is neither normalised nor residual, little of another token arrives; causality needs no size of
    # it
    config = replace(config, residual=True, norm="pre", window=None)
    model, idx = build(config), tokens(1, seed)
    changed = idx.clone()
    changed[0, j] = (idx[0, j] + 1) % V
    difference = (model(changed) - model(idx)).abs()[0, :j].max()
    rounding = 0 if config.experts == 1 else 1e-5  # an expert's product rounds by the number of its tokens
    assert difference <= rounding if config.causal else difference > 0


@many
@given(configs(), st.integers(0, 99))
def test_rows_of_a_batch_do_not_communicate(config, seed):
    model, idx = build(config), tokens(3, seed)
    changed = idx.clone()
    changed[1] = (idx[1] + 1) % V
    before, after = model(idx), model(changed)
    torch.testing.assert_close(after[[0, 2]], before[[0, 2]], atol=1e-6, rtol=0)
    torch.testing.assert_close(model(idx[2:]), before[2:], atol=1e-5, rtol=0)


@many
@given(configs(positions="none", causal=False, token_shift=False, ngrams=1), st.permutations(range(T)))
def test_without_positions_and_mask_tokens_are_a_set(config, order):
    model, idx = build(config), tokens(1, 5)
    torch.testing.assert_close(model(idx[:, order]), model(idx)[:, order], atol=1e-5, rtol=0)


@pytest.mark.parametrize("changes", [{"causal": True, "positions": "none"}, {"causal": False, "positions": "learned"}])
def test_positions_or_a_mask_make_order_matter(small_config, changes):
    model, idx = build(small_config(**changes)), torch.tensor([[0, 1, 2, 3, 4]])
    assert (model(idx.flip(1)).flip(1) - model(idx)).abs().max() > 1e-4


def test_every_parameter_learns(small_config):
    for norm, projection in (("pre", True), ("post", True), ("batch", True), ("none", False)):
        model = GPT(small_config(norm=norm, projection=projection))
        idx = tokens(2, 0)
        loss_of(model(idx), idx).backward()
        assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("norm", ["pre", "post", "batch"])
def test_an_untrained_model_knows_nothing(norm):
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=65, norm=norm, n_embd=32))
    idx = torch.randint(65, (8, 64))
    assert loss_of(model(idx), idx.roll(-1)).item() == pytest.approx(math.log(65), abs=0.1)


def test_initial_sizes_are_gpt2s():
    model = GPT(GPTConfig(n_layer=8, n_embd=128))
    assert model.embed.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.blocks[3].attn.qkv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.blocks[3].mlp.down.weight.std().item() == pytest.approx(0.02 / math.sqrt(16), rel=0.05)
    assert model.blocks[3].attn.qkv.bias.abs().max() == 0


def test_the_number_of_parameters_is_gpt2s():
    """124,439,808 in GPT-2 small: https://huggingface.co/openai-community/gpt2."""
    with torch.device("meta"):
        model = GPT(GPTConfig(50257, 1024, n_layer=12, n_head=12, n_embd=768, tie_weights=True))
    assert model.n_params == 124_439_808


def test_tied_weights_are_one_matrix(small_config):
    tied, untied = GPT(small_config(tie_weights=True)), GPT(small_config())
    assert tied.unembed.weight is tied.embed.weight
    assert untied.n_params - tied.n_params == 11 * 8


def test_dropout_is_for_training_alone(small_config):
    model, idx = GPT(small_config(dropout=0.5)), tokens(1, 0)
    assert not torch.equal(model(idx), model(idx))
    model.eval()
    assert torch.equal(model(idx), model(idx))


def test_more_than_block_size_is_refused(make_model, ids):
    model = make_model()
    model(ids(1, 12))
    with pytest.raises(ValueError, match="13 tokens do not fit block_size=12; give the model the last 12"):
        model(ids(1, 13))
    past = model.new_cache()
    model(ids(1, 8), past)
    with pytest.raises(ValueError, match="13 tokens do not fit"):
        model(ids(1, 5), past)


@many
@given(configs(causal=True), st.lists(st.integers(1, T), min_size=1, max_size=4))
def test_reading_in_pieces_with_a_cache_is_reading_at_once(config, cuts):
    model, idx = build(config), tokens(2, 7)
    past = model.new_cache()
    edges = sorted({0, *cuts, T})
    pieces = [model(idx[:, start:end], past) for start, end in pairwise(edges)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(idx), atol=1e-5, rtol=0)
    assert past[0].k.shape == (2, config.n_kv_head, T, config.d_head)


@many
@given(configs(dropout=0.0), st.integers(0, 99))
def test_gradients_reach_every_parameter(config, seed):
    torch.manual_seed(seed)
    model, idx = GPT(config), tokens(2, seed)
    loss_of(model(idx), idx).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_sinusoids_by_their_formula():
    table = sinusoids(50, 6)
    assert table.shape == (50, 6)
    for position, i in ((0, 0), (1, 0), (7, 1), (49, 2)):
        angle = position / 10_000 ** (2 * i / 6)
        assert table[position, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
        assert table[position, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)


def test_loss_is_cross_entropy_in_nats():
    logits = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [10.0, 0.0, 0.0, 0.0]]])
    expected = (math.log(4) + (math.log(math.exp(10) + 3) - 0)) / 2
    assert loss_of(logits, torch.tensor([[2, 1]])).item() == pytest.approx(expected, rel=1e-6)
