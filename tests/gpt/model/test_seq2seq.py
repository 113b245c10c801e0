"""An encoder-decoder: who may read whom, padding that changes nothing, and one attention for all of it."""

import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from gpt import GPTConfig, Seq2Seq, build_model
from gpt.model.attention import Attention

SIZES = {"vocab_size": 11, "block_size": 12, "n_layer": 2, "n_head": 2, "n_embd": 8}


def make(seed: int = 0, **changes) -> Seq2Seq:
    torch.manual_seed(seed)
    model = Seq2Seq(GPTConfig(**SIZES | changes)).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += torch.randn_like(parameter) * 0.3
    return model


def ids(B: int, T: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(SIZES["vocab_size"], (B, T), generator=torch.Generator().manual_seed(seed))


def test_a_config_and_a_kind_name_it():
    model = build_model(GPTConfig(**SIZES), Seq2Seq)
    assert isinstance(model, Seq2Seq) and model(ids(3, 7), ids(3, 4)).shape == (3, 4, 11)
    assert model.n_params == sum(parameter.numel() for parameter in model.parameters())


def test_hook_names_are_those_of_t5_and_cross_attention_is_a_rectangle():
    model = make()
    _, cache = model.run_with_cache((ids(3, 7), ids(3, 4)))
    shapes = cache.shapes
    for layer in range(2):
        assert shapes[f"encoder.{layer}.attn.hook_pattern"] == (3, 2, 7, 7)
        assert shapes[f"decoder.{layer}.attn.hook_pattern"] == (3, 2, 4, 4)
        assert shapes[f"decoder.{layer}.cross_attn.hook_pattern"] == (3, 2, 4, 7)
        assert (
            shapes[f"decoder.{layer}.cross_attn.hook_q"] == shapes[f"decoder.{layer}.cross_attn.hook_z"] == (3, 4, 2, 4)
        )
        assert (
            shapes[f"decoder.{layer}.cross_attn.hook_k"] == shapes[f"decoder.{layer}.cross_attn.hook_v"] == (3, 7, 2, 4)
        )
    assert "decoder.0.hook_resid_mid_cross" in cache and "encoder.0.hook_resid_mid_cross" not in cache
    assert cache["encoder.0.attn.hook_pattern"].triu(1).sum() > 0 == cache["decoder.0.attn.hook_pattern"].triu(1).sum()
    for name, pattern in cache.items():
        if name.endswith("hook_pattern"):
            assert torch.allclose(pattern.sum(-1), torch.ones(()), atol=1e-6)


def test_the_stream_of_the_decoder_adds_up():
    _, cache = make().run_with_cache((ids(2, 5), ids(2, 3)), "decoder.0.hook_*")
    at = {name.rpartition("hook_")[2]: value for name, value in cache.items()}
    assert torch.equal(at["resid_mid"], at["resid_pre"] + at["attn_out"])
    assert torch.equal(at["resid_mid_cross"], at["resid_mid"] + at["cross_attn_out"])
    assert torch.equal(at["resid_post"], at["resid_mid_cross"] + at["mlp_out"])


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["pre", "post", "none"]),
    st.sampled_from(["learned", "sinusoidal", "none"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_what_a_padded_batch_says_is_what_each_example_says_alone(norm, positions, mlp, seed):
    model = make(seed, norm=norm, positions=positions, mlp=mlp).double()  # in single precision large logits round apart
    source, target, lengths = ids(3, 9, seed), ids(3, 4, seed + 1), torch.tensor([9, 1, 5])
    together = model(source, target, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = model(source[row : row + 1, :length], target[row : row + 1])
        assert torch.allclose(together[row], alone[0], atol=1e-10)


def test_padding_is_read_by_nobody_and_may_hold_anything():
    model, lengths = make(), torch.tensor([9, 4])
    source, target = ids(2, 9), ids(2, 3)
    logits, cache = model.run_with_cache((source, target, lengths))
    for name in ("encoder.1.attn", "decoder.1.cross_attn"):
        assert cache[f"{name}.hook_pattern"][1, :, :, 4:].abs().max() == 0
    other = source.clone()
    other[1, 4:] = (source[1, 4:] + 1) % 11
    assert torch.equal(model(other, target, lengths)[1], model(source, target, lengths)[1])
    assert torch.allclose(model(source, target, lengths), logits, atol=1e-5), "fused and explicit are the same"


def test_the_decoder_sees_its_past_and_the_whole_source():
    model, source, target = make(), ids(1, 6), ids(1, 5)
    logits = model(source, target)
    later, last = target.clone(), source.clone()
    later[0, 3] = (target[0, 3] + 1) % 11
    last[0, 5] = (source[0, 5] + 1) % 11
    felt = (model(source, later) - logits).abs().amax(-1)[0]
    assert (felt[:3] == 0).all() and (felt[3:] > 0).all()
    assert ((model(last, target) - logits).abs().amax(-1) > 0).all()


@given(st.booleans(), st.booleans())
@settings(max_examples=8, deadline=None)
def test_cross_attention_to_oneself_is_self_attention(causal, bias):
    attention = Attention(GPTConfig(**SIZES, causal=causal, bias=bias)).eval()
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(attention(x), attention(x, memory=x), atol=1e-6)


def test_cross_attention_by_hand():
    attention = Attention(GPTConfig(**SIZES | {"n_head": 1}, causal=False)).eval()
    x, memory = (torch.randn(1, T, 8, generator=torch.Generator().manual_seed(T)) for T in (3, 5))
    (W_q, W_k, W_v), (b_q, b_k, b_v) = attention.qkv.weight.chunk(3), attention.qkv.bias.chunk(3)
    weights = ((F.linear(x, W_q, b_q) @ F.linear(memory, W_k, b_k).mT) / 8**0.5).softmax(-1)
    assert torch.allclose(attention(x, memory=memory), attention.proj(weights @ F.linear(memory, W_v, b_v)), atol=1e-6)


def test_a_hook_lives_in_its_own_thread():
    model, inputs, outputs = make(), (ids(1, 5), ids(1, 3)), []
    plain = model(*inputs)
    with model.hooks({"decoder.*.cross_attn.hook_z": lambda z, name: torch.zeros_like(z)}):
        changed = model(*inputs)
        thread = threading.Thread(target=lambda: outputs.append(model(*inputs)))
        thread.start()
        thread.join()
    assert torch.equal(outputs[0], plain) and not torch.equal(changed, plain)


def test_without_cross_attention_the_source_is_nothing():
    model, target = make(), ids(1, 4)
    off = {"decoder.*.hook_cross_attn_out": lambda value, name: torch.zeros_like(value)}
    assert torch.equal(*(model.run_with_hooks((ids(1, 6, seed), target), off) for seed in (1, 2)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"n_layer": 0}, "n_layer=0"), ({"causal": False}, "causal=False"), ({"norm": "batch"}, "norm='batch'")],
)
def test_what_it_cannot_be_is_named(changes, message):
    with pytest.raises(ValueError, match=f"GPTConfig.{message} does not work in an encoder-decoder"):
        Seq2Seq(GPTConfig(**SIZES | changes))


def test_an_empty_or_too_long_source_is_named():
    model = make()
    for source, lengths in ((ids(1, 0), None), (ids(1, 4), torch.tensor([0]))):
        with pytest.raises(ValueError, match="a source is empty"):
            model(source, ids(1, 2), lengths)
    for source, target in ((ids(1, 13), ids(1, 2)), (ids(1, 2), ids(1, 13))):
        with pytest.raises(ValueError, match="13 tokens do not fit block_size=12"):
            model(source, target)
