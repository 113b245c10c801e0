"""GPT-2: config fields and tensor names.

GPT-2 keeps its matrices as (inputs, outputs), `nn.Linear` as (outputs, inputs). Source: lecture 01:46:22; Radford et
al. 2019.
"""

from collections.abc import Iterator
from typing import Any

from gpt.checkpoints.family import Family, Weight, check_computed, required, same, transposed
from gpt.model.config import Activation, GPTConfig

ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
}
BLOCK = {
    "ln1": "ln_1", "attn.qkv": "attn.c_attn", "attn.proj": "attn.c_proj", "ln2": "ln_2", "mlp.up": "mlp.c_fc",
    "mlp.down": "mlp.c_proj",
}  # fmt: skip
PREFIX = "transformer."


def read_config(values: dict[str, Any]) -> GPTConfig:
    """Return the config of a GPT-2. values: config.json.

    Raises ValueError for a variant that `GPT` does not compute.
    """
    computed = {
        "activation_function": tuple(ACTIVATIONS),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    }
    check_computed(values, computed)
    return GPTConfig(
        vocab_size=required(values, "vocab_size"),
        block_size=required(values, "n_positions"),
        n_layer=required(values, "n_layer"),
        n_head=required(values, "n_head"),
        n_embd=required(values, "n_embd"),
        dropout=values.get("resid_pdrop", 0.0),
        norm_eps=values.get("layer_norm_epsilon", 1e-5),
        mlp_width=values.get("n_inner") or 4 * required(values, "n_embd"),
        activation=ACTIVATIONS[values.get("activation_function", "gelu_new")],
        tie_weights=values.get("tie_word_embeddings", True),
    )


def weights(config: GPTConfig, names: set[str]) -> Iterator[Weight]:
    """Yield where each tensor is. names: those in the file; GPT-2's first files have no "transformer." before them."""
    prefix = PREFIX if f"{PREFIX}wte.weight" in names else ""
    yield Weight("embed.weight", (f"{prefix}wte.weight",))
    yield Weight("pos_embed", (f"{prefix}wpe.weight",))
    for layer in range(config.n_layer):
        for ours, theirs in BLOCK.items():
            convert = same if ours.startswith("ln") else transposed
            yield Weight(f"blocks.{layer}.{ours}.weight", (f"{prefix}h.{layer}.{theirs}.weight",), convert)
            yield Weight(f"blocks.{layer}.{ours}.bias", (f"{prefix}h.{layer}.{theirs}.bias",))
    for kind in ("weight", "bias"):
        yield Weight(f"ln_final.{kind}", (f"{prefix}ln_f.{kind}",))
    if not config.tie_weights:
        yield Weight("unembed.weight", ("lm_head.weight",))


GPT2 = Family("gpt2", read_config, weights)
