"""Reward models and encoder-decoders of any switches: hooks and padding change nothing, and gradients reach all."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import Seq2Seq, loss_of
from gpt.model.reward import RewardModel
from tests.gpt.configs import T, V, configs

many = settings(max_examples=40, deadline=None, derandomize=True)
PAIRS = configs(causal=True, parallel=False, norm_place="pre").filter(lambda config: config.norm != "batch")


def build(kind, config):
    torch.manual_seed(0)
    model = kind(config).double().eval().requires_grad_(False)  # some draws amplify rounding
    for parameter in model.parameters():
        parameter += torch.randn_like(parameter) * 0.3
    return model


def ids(B: int, length: int, seed: int) -> torch.Tensor:
    return torch.randint(V, (B, length), generator=torch.Generator().manual_seed(seed))


@many
@given(configs(), st.integers(0, 99))
def test_a_reward_is_one_number_at_each_position(config, seed):
    model, idx = build(RewardModel, config), ids(2, T, seed)
    rewards = model(idx)
    explicit, cache = model.run_with_cache(idx)
    assert rewards.shape == (2, T) and rewards.std() > 0
    torch.testing.assert_close(explicit, rewards, atol=1e-4, rtol=1e-4)
    stream = cache[f"blocks.{config.n_layer - 1}.hook_resid_post"]
    torch.testing.assert_close(model.read_out(stream).squeeze(-1), rewards, atol=1e-4, rtol=1e-4)
    assert RewardModel(config).eval()(idx).eq(0).all()


@many
@given(PAIRS, st.integers(1, T), st.integers(0, 99))
def test_padding_and_hooks_change_no_translation(config, length, seed):
    model, source, target = build(Seq2Seq, config), ids(1, length, seed), ids(1, T, seed + 1)
    logits = model(source, target)
    explicit, cache = model.run_with_cache((source, target))
    torch.testing.assert_close(explicit, logits, atol=1e-4, rtol=1e-4)
    padded = torch.cat((source, ids(1, T - length, seed + 2)), dim=1)
    torch.testing.assert_close(model(padded, target, torch.tensor([length])), logits, atol=1e-4, rtol=1e-4)
    assert cache["decoder.0.cross_attn.hook_pattern"].shape == (1, config.n_head, T, length)
    assert cache["decoder.0.cross_attn.hook_k"].shape == (1, length, config.n_kv_head, config.d_head)


@many
@given(configs(causal=True, parallel=False, dropout=0.0).filter(lambda config: config.norm != "batch"))
def test_gradients_reach_every_parameter_of_an_encoder_decoder(config):
    torch.manual_seed(0)
    model, target = Seq2Seq(config), ids(2, T, 1)
    loss_of(model(ids(2, T, 0), target), target).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
