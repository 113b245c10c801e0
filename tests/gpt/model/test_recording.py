"""Recording: the same numbers as a plain forward pass and as hooks that keep, in models that were changed since."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from gpt import GPT
from gpt.model.block import Block
from tests.gpt.configs import configs
from tests.gpt.plain import PlainGPT


@pytest.mark.parametrize("fused", [True, False])
def test_a_plain_gpt_gives_the_same_numbers(make_model, ids, fused):
    model, idx = make_model(), ids(2, 7)
    expected = PlainGPT(model, fused)(idx)
    for logits in (model(idx), model.run_with_cache(idx)[0]):
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(configs())
def test_recording_keeps_what_hooks_read(config):
    """Hooks that may change a value take the slow way: every statistic is computed by its definition."""
    torch.manual_seed(0)
    model = GPT(config).double().eval().requires_grad_(False)
    idx = torch.randint(config.vocab_size, (2, config.block_size))
    read = {}
    logits = model.run_with_hooks(idx, {"*": lambda value, name: read.update({name: value})})
    recorded, cache = model.run_with_cache(idx)
    torch.testing.assert_close(recorded, logits)
    assert list(cache) == list(read)
    torch.testing.assert_close(dict(cache), read)


@pytest.mark.parametrize("statistic", ["hook_mean", "hook_scale"])
def test_a_replaced_statistic_counts_while_it_is_recorded(make_model, ids, statistic):
    model, idx, name = make_model(), ids(), f"blocks.0.ln1.{statistic}"
    changed = model.run_with_hooks(idx, {name: lambda value, name: value + 1})
    with model.hooks({name: lambda value, name: value + 1}):
        logits, cache = model.run_with_cache(idx)
    assert not torch.allclose(logits, model(idx))
    torch.testing.assert_close(logits, changed)
    torch.testing.assert_close(cache[name], model.run_with_cache(idx)[1][name] + 1)


def test_a_recorded_statistic_has_a_gradient(make_model, ids):
    model = make_model().requires_grad_(True)
    _, cache = model.run_with_cache(ids())
    (cache["blocks.1.ln1.hook_mean"].sum() + cache["blocks.1.ln1.hook_scale"].sum()).backward()
    assert model.embed.weight.grad.abs().sum() > 0
    model.requires_grad_(False)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_has_hook_points_of_its_own(make_model, ids, duplicate):
    model, idx = make_model(activation="relu"), ids()
    _, cache = model.run_with_cache(idx)  # its hook points are found
    twin = duplicate(model)
    assert list(twin.hook_points) == list(model.hook_points)
    assert not set(twin.hook_points.values()) & set(model.hook_points.values())
    with model.hooks({"*": lambda value, name: value * 2}):
        _, copied = twin.run_with_cache(idx)
    torch.testing.assert_close(dict(copied), dict(cache))


def test_a_replaced_module_is_found(make_model, ids):
    model, idx = make_model(), ids()
    before = model.run_with_cache(idx)[1]
    other = make_model(seed=1)
    model.blocks[1] = other.blocks[0]
    _, cache = model.run_with_cache(idx)
    assert list(cache) == list(before)
    assert torch.equal(cache["resid_pre", 1], before["resid_pre", 1])
    assert not torch.allclose(cache["resid_post", 1], before["resid_post", 1])
    model.blocks[0].mlp = nn.Identity()
    assert "blocks.0.mlp.hook_pre" not in model.run_with_cache(idx)[1]
    model.blocks.append(Block(model.config).eval().requires_grad_(False))
    assert "blocks.2.attn.hook_pattern" in model.run_with_cache(idx)[1]
