"""The parts of today's models, by their formulas and by what they leave unchanged."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from gpt import GPT, GPTConfig
from gpt.model.attention import Attention, KVCache
from gpt.model.config import RopeScaling
from gpt.model.mlp import ACTIVATIONS
from gpt.model.norms import RMSNorm
from gpt.model.positions import Rotary, stretch
from gpt.model.token_shift import TokenShift

MODERN = {
    "positions": "rotary", "norm": "rms", "gated": True, "activation": "silu", "bias": False, "n_kv_head": 1,
    "d_head": 6, "mlp_width": 10,
}  # fmt: skip


def rotary(**changes) -> Rotary:
    return Rotary(GPTConfig(n_embd=8, n_head=1, positions="rotary", **changes))


@given(st.integers(0, 5000), st.integers(0, 50), st.integers(0, 50))
def test_a_score_depends_on_the_distance_only(shift, query, key):
    q, k = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turn = rotary()
    near = (turn(q, query) * turn(k, key)).sum()
    far = (turn(q, query + shift) * turn(k, key + shift)).sum()
    torch.testing.assert_close(near, far, atol=1e-9, rtol=0)


def test_rotation_by_its_formula():
    x = torch.randn(1, 5, 1, 8, generator=torch.Generator().manual_seed(1))
    turned = rotary(rope_base=100.0)(x, start=3)
    for T, i in ((0, 0), (2, 1), (4, 3)):
        angle = (3 + T) * 100.0 ** (-2 * i / 8)
        first, second = x[0, T, 0, i].item(), x[0, T, 0, i + 4].item()
        assert turned[0, T, 0, i].item() == pytest.approx(first * math.cos(angle) - second * math.sin(angle), abs=1e-5)
        assert turned[0, T, 0, i + 4].item() == pytest.approx(
            second * math.cos(angle) + first * math.sin(angle), abs=1e-5
        )
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))


def test_a_share_of_the_features_is_turned():
    x = torch.randn(1, 5, 2, 8)
    turned = rotary(rope_share=0.5)(x)
    torch.testing.assert_close(turned[..., 4:], x[..., 4:])
    assert not torch.allclose(turned[:, 1:, :, :4], x[:, 1:, :, :4])
    torch.testing.assert_close(turned[..., :4], Rotary(GPTConfig(n_embd=4, n_head=1, positions="rotary"))(x[..., :4]))


def test_scaling_slows_the_slow_frequencies():
    frequencies = torch.tensor([1.0, 0.1, 0.0001])
    torch.testing.assert_close(stretch(frequencies, RopeScaling("linear", 4.0)), frequencies / 4)
    by_llama = stretch(frequencies, RopeScaling("llama3", 8.0, original=100))
    turns = 100 * 0.1 / (2 * math.pi)  # between 1 and 4
    share = (turns - 1) / 3
    expected = torch.tensor([1.0, (1 - share) * 0.1 / 8 + share * 0.1, 0.0001 / 8])
    torch.testing.assert_close(by_llama, expected)


def test_rms_norm_by_its_formula():
    norm, x = RMSNorm(8, eps=1e-3), torch.randn(2, 3, 8)
    torch.nn.init.normal_(norm.weight)
    torch.testing.assert_close(norm(x), F.rms_norm(x, (8,), norm.weight, 1e-3))


@pytest.mark.parametrize(
    ("name", "expected"), [("relu2", 4.0), ("gelu", 1.9545), ("gelu_tanh", 1.9546), ("silu", 1.7616)]
)
def test_activations_by_known_values(name, expected):
    assert ACTIVATIONS[name](torch.tensor(2.0)).item() == pytest.approx(expected, abs=6e-5)
    assert ACTIVATIONS[name](torch.tensor(0.0)).item() == 0


def test_grouped_queries_are_full_attention_with_copied_keys_and_values():
    torch.manual_seed(0)
    grouped = Attention(GPTConfig(n_embd=12, n_head=6, n_kv_head=2))
    full = Attention(GPTConfig(n_embd=12, n_head=6))
    for theirs, ours in zip(grouped.qkv.parameters(), full.qkv.parameters(), strict=True):
        q, kv = theirs.data.split(grouped.sizes)
        copied = kv.unflatten(0, (2, 2, 2)).repeat_interleave(3, dim=1).flatten(0, 2)
        ours.data = torch.cat((q, copied))
    full.proj.load_state_dict(grouped.proj.state_dict())
    x = torch.randn(2, 5, 12)
    torch.testing.assert_close(grouped(x), full(x))


def test_a_gate_of_ones_is_an_mlp_without_one(make_model, ids):
    gated, plain = make_model(gated=True, norm="none"), make_model(norm="none")
    state = plain.state_dict()
    for layer in range(2):
        up = f"blocks.{layer}.mlp.up"
        state |= {f"blocks.{layer}.mlp.gate.{kind}": state[f"{up}.{kind}"] for kind in ("weight", "bias")}
        state |= {f"{up}.weight": torch.zeros(32, 8), f"{up}.bias": torch.ones(32)}
    gated.load_state_dict(state)
    torch.testing.assert_close(gated(ids()), plain(ids()))


def test_a_window_is_what_the_pattern_keeps(make_model, ids):
    _, cache = make_model(window=3).run_with_cache(ids(1, 9), "blocks.*.hook_pattern")
    distance = torch.arange(9)[:, None] - torch.arange(9)
    for pattern in cache.values():
        assert bool(((pattern[0] > 0) == ((distance >= 0) & (distance < 3))).all())
    wide, free = make_model(window=9), make_model()
    torch.testing.assert_close(wide(ids(1, 9)), free(ids(1, 9)))


def test_softcap_bounds_the_logits_and_keeps_their_order(make_model, ids):
    capped, free = make_model(softcap=0.5)(ids()), make_model()(ids())
    assert capped.abs().max() < 0.5 < free.abs().max()
    torch.testing.assert_close(capped, 0.5 * (free / 0.5).tanh())


def test_a_parallel_block_sums_what_both_parts_read_from_the_same_stream(make_model, ids):
    model = make_model(parallel=True)
    _, cache = model.run_with_cache(ids())
    block, resid_pre = model.blocks[1], cache["resid_pre", 1]
    torch.testing.assert_close(cache["mlp_out", 1], block.mlp(block.ln2(resid_pre)))
    torch.testing.assert_close(cache["resid_mid", 1], resid_pre + cache["attn_out", 1])
    torch.testing.assert_close(cache["resid_post", 1], resid_pre + cache["attn_out", 1] + cache["mlp_out", 1])


def test_a_norm_without_weights_is_one_whose_weights_are_one(small_config, ids):
    for norm in ("pre", "rms", "batch"):
        plain = GPT(small_config(norm=norm, norm_weight=False, qk_norm=True)).eval()
        weighted = GPT(small_config(norm=norm, qk_norm=True)).eval()
        missing, unexpected = weighted.load_state_dict(plain.state_dict(), strict=False)
        norms = {name.removesuffix(".weight").rpartition(".")[2] for name in missing}
        assert not unexpected and norms == {"ln1", "ln2", "ln_final", "q_norm", "k_norm"}
        torch.testing.assert_close(plain(ids()), weighted(ids()))


def test_blocks_that_begin_at_zero_change_nothing(small_config, ids):
    model = GPT(small_config(zero_init=True)).eval()
    _, cache = model.run_with_cache(ids())
    torch.testing.assert_close(cache["resid_post", 1], cache["resid_pre", 0])
    for changes in ({"residual": False}, {"projection": False}):
        with pytest.raises(ValueError, match=r"zero_init=True does not work: only a model with residual=True and proj"):
            small_config(zero_init=True, **changes)


def test_token_shift_by_its_formula():
    shift, x, past = TokenShift(3), torch.randn(2, 4, 3), KVCache(block_size=8)
    assert torch.equal(shift(x), x)  # as it begins
    shift.mix.data = torch.tensor([0.0, 0.25, 1.0])
    out = shift(x)
    assert torch.equal(out[..., 0], x[..., 0])
    torch.testing.assert_close(out[:, 1:, 1], 0.75 * x[:, 1:, 1] + 0.25 * x[:, :-1, 1])
    torch.testing.assert_close(out[..., 2], torch.cat((torch.zeros(2, 1), x[:, :-1, 2]), dim=1))
    pieces = [shift(x[:, start:end], past) for start, end in ((0, 1), (1, 3), (3, 4))]
    torch.testing.assert_close(torch.cat(pieces, dim=1), out)


def test_attention_and_mlp_read_what_token_shift_mixes(make_model, ids):
    model = make_model(token_shift=True)
    _, cache = model.run_with_cache(ids())
    block, at = model.blocks[1], "blocks.1.ln2.hook_normalized"
    torch.testing.assert_close(cache["mlp_out", 1], block.mlp(block.mlp_shift(cache[at])))
    torch.testing.assert_close(
        cache["attn_out", 1], block.attn(block.attn_shift(cache["blocks.1.ln1.hook_normalized"]))
    )


def test_hooks_of_todays_parts(make_model, ids):
    B, T = 2, 7
    _, cache = make_model(**MODERN, qk_norm=True).run_with_cache(ids(B, T))
    for layer in range(2):
        for name, shape in (
            ("q", (B, T, 2, 6)), ("k", (B, T, 1, 6)), ("v", (B, T, 1, 6)), ("z", (B, T, 2, 6)),
            ("rot_q", (B, T, 2, 6)), ("rot_k", (B, T, 1, 6)), ("pattern", (B, 2, T, T)),
            ("pre", (B, T, 10)), ("pre_linear", (B, T, 10)), ("post", (B, T, 10)),
        ):  # fmt: skip
            assert cache[name, layer].shape == shape, name
        torch.testing.assert_close(cache["post", layer], F.silu(cache["pre", layer]) * cache["pre_linear", layer])
        scale = cache[f"blocks.{layer}.ln1.hook_scale"]
        expected = (cache["resid_pre", layer].pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        torch.testing.assert_close(scale, expected)
    assert not any("hook_mean" in name or name == "hook_pos_embed" for name in cache)


def test_scores_are_those_of_the_turned_vectors(make_model, ids):
    model = make_model(**MODERN)
    _, cache = model.run_with_cache(ids(1))
    q, k = cache["rot_q", 1][0], cache["rot_k", 1][0]  # (T, 2, 6), (T, 1, 6)
    scores = torch.einsum("qhd,kd->hqk", q, k[:, 0]) / math.sqrt(6)
    seen = torch.ones(7, 7).tril().bool()
    torch.testing.assert_close(cache["attn_scores", 1][0][:, seen], scores[:, seen])


def test_bfloat16_stays_close(make_model, ids):
    model, idx = make_model(**MODERN), ids()
    exact = model(idx).softmax(-1)
    rough = make_model(**MODERN).to(torch.bfloat16)(idx).float().softmax(-1)
    torch.testing.assert_close(rough, exact, atol=0.05, rtol=0)


def test_an_old_state_opens_in_todays_model(small_config):
    """The names and shapes of a model with the lecture's switches are those of before."""
    names = {name: tuple(tensor.shape) for name, tensor in GPT(small_config(n_layer=1)).state_dict().items()}
    assert names == {
        "embed.weight": (11, 8), "pos_embed": (12, 8), "blocks.0.ln1.weight": (8,), "blocks.0.ln1.bias": (8,),
        "blocks.0.attn.qkv.weight": (24, 8), "blocks.0.attn.qkv.bias": (24,), "blocks.0.attn.proj.weight": (8, 8),
        "blocks.0.attn.proj.bias": (8,), "blocks.0.ln2.weight": (8,), "blocks.0.ln2.bias": (8,),
        "blocks.0.mlp.up.weight": (32, 8), "blocks.0.mlp.up.bias": (32,), "blocks.0.mlp.down.weight": (8, 32),
        "blocks.0.mlp.down.bias": (8,), "ln_final.weight": (8,), "ln_final.bias": (8,), "unembed.weight": (11, 8),
    }  # fmt: skip
