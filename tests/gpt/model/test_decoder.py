"""The fast path for one token gives the numbers of the plain forward pass, whatever the switches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT
from gpt.model.decoder import Decoder
from tests.gpt.configs import MODERN, T, V, configs


def decode(model: GPT, idx: torch.Tensor, n_read: int) -> torch.Tensor:
    """Read n_read tokens at once, the others one by one. Returns logits (T, vocab_size)."""
    past = model.new_cache()
    first = model(idx[:, :n_read], past)[0] if n_read else torch.empty(0, model.config.vocab_size)
    decoder = Decoder(model, past)
    return torch.cat((first, torch.stack([decoder(int(token)) for token in idx[0, n_read:]])))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(configs(causal=True), st.integers(0, T - 1))
def test_one_token_at_a_time_is_the_forward_pass(config, n_read):
    torch.manual_seed(0)
    model = GPT(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += torch.randn_like(parameter) * 0.1
    idx = torch.randint(V, (1, T))
    torch.testing.assert_close(decode(model, idx, n_read), model(idx)[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("changes", [{}, MODERN])
def test_more_tokens_than_the_first_room(make_model, changes):
    model = make_model(**changes, block_size=300)
    idx = torch.randint(11, (1, 300), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(decode(model, idx, 3), model(idx)[0], atol=1e-4, rtol=1e-4)


def test_weights_written_in_place_count(make_model):
    model = make_model()
    decoder = Decoder(model, model.new_cache())
    model.unembed.weight.zero_()
    assert torch.equal(decoder(3), torch.zeros(11))


def test_training_after_generation(make_model, ids):
    """Rotary positions keep their cosines for the next call, which may need gradients."""
    model = make_model(positions="rotary").requires_grad_(True)
    with torch.inference_mode():
        model(ids())
    model(ids()).sum().backward()
    assert model.blocks[0].attn.qkv.weight.grad.isfinite().all()
