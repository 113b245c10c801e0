"""Llama: config fields and tensor names. Llama 2 and 3, TinyLlama, SmolLM and SmolLM2 are of this family.

Qwen and Mistral have the same layout with a few changes. Source: Touvron et al. 2023, arXiv:2302.13971.
"""

from collections.abc import Iterator
from typing import Any

from gpt.checkpoints.family import Family, Weight, check_computed, read_activation, required, stacked
from gpt.checkpoints.rope import read_rope
from gpt.model.config import GPTConfig

ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
BLOCK = {
    "ln1": "input_layernorm", "attn.proj": "self_attn.o_proj", "ln2": "post_attention_layernorm",
    "mlp.gate": "mlp.gate_proj", "mlp.up": "mlp.up_proj", "mlp.down": "mlp.down_proj",
}  # fmt: skip
QK_NORM = {"attn.q_norm": "self_attn.q_norm", "attn.k_norm": "self_attn.k_norm"}


def read_config(values: dict[str, Any]) -> GPTConfig:
    """Return the config of a Llama. values: config.json.

    Raises ValueError for a variant that `GPT` does not compute.
    """
    bias = values.get("attention_bias", False)
    # GPT has biases in the attention's output matrix and in the MLP, or in neither
    check_computed({"mlp_bias": False} | values, {"mlp_bias": (bias,)})
    return read_decoder(values, bias=bias)


def read_decoder(
    values: dict[str, Any],
    bias: bool = False,
    qkv_bias: bool | None = None,
    qk_norm: bool = False,
    window: int | None = None,
) -> GPTConfig:
    """Return the config of a decoder that is laid out as Llama is, with what differs from family to family."""
    rope = read_rope(values)
    check_computed({"partial_rotary_factor": rope["rope_share"]}, {"partial_rotary_factor": (1,)})
    heads, width = required(values, "num_attention_heads"), required(values, "hidden_size")
    return GPTConfig(
        vocab_size=required(values, "vocab_size"),
        block_size=required(values, "max_position_embeddings"),
        n_layer=required(values, "num_hidden_layers"),
        n_head=heads,
        n_kv_head=values.get("num_key_value_heads") or heads,
        n_embd=width,
        d_head=values.get("head_dim") or width // heads,
        mlp_width=required(values, "intermediate_size"),
        norm="rms",
        norm_eps=required(values, "rms_norm_eps"),
        gated=True,
        activation=read_activation(values, "hidden_act", "silu"),
        tie_weights=values.get("tie_word_embeddings", False),
        bias=bias,
        qkv_bias=qkv_bias,
        qk_norm=qk_norm,
        window=window,
        **rope,
    )


def weights(config: GPTConfig, names: set[str]) -> Iterator[Weight]:
    """Yield where each tensor is. names: those in the file."""
    yield Weight("embed.weight", ("model.embed_tokens.weight",))
    for layer in range(config.n_layer):
        ours, theirs = f"blocks.{layer}", f"model.layers.{layer}"
        for kind in ("weight", "bias") if config.has_qkv_bias else ("weight",):
            yield Weight(f"{ours}.attn.qkv.{kind}", tuple(f"{theirs}.{name}.{kind}" for name in ATTENTION), stacked)
        for part, name in (BLOCK | QK_NORM if config.qk_norm else BLOCK).items():
            yield Weight(f"{ours}.{part}.weight", (f"{theirs}.{name}.weight",))
            if config.bias and not part.startswith("ln"):
                yield Weight(f"{ours}.{part}.bias", (f"{theirs}.{name}.bias",))
    yield Weight("ln_final.weight", ("model.norm.weight",))
    if not config.tie_weights:
        yield Weight("unembed.weight", ("lm_head.weight",))


LLAMA = Family("llama", read_config, weights)
