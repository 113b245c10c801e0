"""The KV cache: the same logits, torch's own count of the products, and the bytes that are really kept."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from gpt import GPT, GPTConfig
from gpt.after.cache import PUBLISHED, cache_bytes, multiplications, read_both_ways, time_both_ways

CONFIG = GPTConfig(vocab_size=11, block_size=16, n_layer=2, n_head=4, n_kv_head=2, n_embd=16, positions="rotary")


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(CONFIG).eval().requires_grad_(False)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 10), min_size=1, max_size=16))
def test_a_cache_changes_nothing_but_the_work(model, ids):
    both = read_both_ways(model, torch.tensor(ids))
    assert both.difference < 1e-5
    assert both.keys.shape == both.values.shape == (2, 2, len(ids), 4)
    assert 4 * (both.keys.numel() + both.values.numel()) == cache_bytes(2, 2, 4, len(ids), number=4)


@pytest.mark.parametrize("switches", [{}, {"gated": True, "n_kv_head": 4}, {"mlp": False, "projection": False}])
def test_multiplications_are_half_of_torchs_floating_point_operations(switches):
    config = GPTConfig(**{**CONFIG.to_dict(), "positions": "learned", **switches})
    counted = GPT(config).eval()
    listen = {"blocks.*.attn.hook_pattern": lambda pattern, name: None}  # the fused kernel is not counted
    with torch.inference_mode(), counted.hooks(listen), FlopCounterMode(display=False) as counter:
        counted(torch.zeros(1, 7, dtype=torch.long))
    assert counter.get_total_flops() == 2 * multiplications(config, read=7, keys=7)


def test_known_sizes():
    assert PUBLISHED["SmolLM2-135M"].bytes(2048) == 47_185_920
    assert PUBLISHED["GPT-2"].bytes(1024) == 37_748_736
    assert PUBLISHED["Llama 2 70B"].bytes(1, n_kv_head=64) == 8 * PUBLISHED["Llama 2 70B"].bytes(1)


def test_a_measured_model_is_left_as_it_was(model):
    times = list(time_both_ways(model, (2, 16)))
    assert len(times) == 2 and all(seconds > 0 for pair in times for seconds in pair)
