"""Configs for tests of every kind of model: `configs` draws any that work, `MODERN` has the switches of today."""

from typing import get_args

import torch
from hypothesis import strategies as st

from gpt import GPT, GPTConfig
from gpt.model.config import Activation, Norm, NormPlace, Positions, RopeScaling

V, T = 11, 9  # vocab_size and block_size of every drawn config
SWITCHES = ("bias", "unembed_bias", "tie_weights", "residual", "projection", "mlp", "scale", "causal")
TODAYS = ("gated", "qk_norm", "parallel", "norm_weight", "zero_init", "token_shift")
SCALINGS = [None, RopeScaling("linear", 4.0), RopeScaling("llama3", 8.0, original=4)]
CHOICES = {
    "activation": get_args(Activation), "positions": get_args(Positions), "norm": get_args(Norm),
    "norm_place": get_args(NormPlace), "rope_share": [0.5, 1.0], "rope_scaling": SCALINGS, "norm_eps": [1e-5, 1e-3],
    "qkv_bias": [None, True, False], "window": [None, 1, 3, 100], "softcap": [None, 2.0], "dropout": [0.0, 0.5],
    "ngrams": [1, 2, 4], "ngram_rows": [1, 5, 100], "experts": [1, 3], "experts_per_token": [1, 2],
}  # fmt: skip

MODERN = {
    "positions": "rotary", "norm": "rms", "gated": True, "activation": "silu", "bias": False, "n_head": 4,
    "n_kv_head": 2, "d_head": 6, "mlp_width": 10, "qk_norm": True, "parallel": True, "window": 5, "softcap": 3.0,
    "ngrams": 3, "ngram_rows": 20, "experts": 3, "experts_per_token": 2,
}  # fmt: skip


def build(config: GPTConfig, seed: int = 0) -> GPT:
    """Make a GPT of random weights in eval mode. Those that begin at zero get values too: else they hide their part."""
    torch.manual_seed(seed)
    model = GPT(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        if not parameter.any():
            parameter += torch.randn_like(parameter) * 0.3
    return model


@st.composite
def configs(draw, **fixed) -> GPTConfig:
    """Draw a config of any size and switch that go together. fixed: switches that are not drawn."""
    n_head = draw(st.sampled_from([1, 2, 4]))
    values = {name: draw(st.sampled_from(options)) for name, options in CHOICES.items()}
    values |= {name: draw(st.booleans()) for name in (*SWITCHES, *TODAYS)}
    values |= {
        "n_layer": draw(st.integers(1, 3)),
        "n_head": n_head,
        "n_embd": n_head * draw(st.sampled_from([4, 8])),
        "n_kv_head": draw(st.sampled_from([kv for kv in (1, 2, 4) if kv <= n_head])),
    }
    values |= fixed
    if values["projection"]:
        values |= {"d_head": draw(st.sampled_from([4, 8])), "mlp_width": draw(st.sampled_from([5, 16]))}
    values["experts_per_token"] = min(values["experts_per_token"], values["experts"])
    if not values["causal"]:
        values["window"] = None
    if not values["residual"]:
        values["parallel"] = False
    if not values["residual"] or not values["projection"]:
        values["zero_init"] = False
    return GPTConfig(vocab_size=V, block_size=T, **values)
