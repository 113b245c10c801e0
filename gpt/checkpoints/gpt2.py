"""GPT-2: tensor names, config fields, and writing a model as GPT-2.

GPT-2 keeps its matrices as (inputs, outputs), `nn.Linear` as (outputs, inputs). Source: lecture 01:46:22; Radford et
al. 2019.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from gpt.checkpoints.family import Family, Weight, same, transposed
from gpt.model.config import Activation, GPTConfig
from gpt.model.gpt import GPT

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
# GPTConfig's switches as GPT-2 always has them
SWITCHES = {
    "positions": "learned", "norm": "pre", "residual": True, "projection": True, "mlp": True, "scale": True,
    "causal": True,
    "unembed_bias": False,
}  # fmt: skip


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
    for name, allowed in computed.items():
        if values.get(name, allowed[0]) not in allowed:
            raise ValueError(
                f"its {name} is {values[name]!r}; this model computes only {' or '.join(map(repr, allowed))}"
            )
    return GPTConfig(
        vocab_size=values["vocab_size"],
        block_size=values["n_positions"],
        n_layer=values["n_layer"],
        n_head=values["n_head"],
        n_embd=values["n_embd"],
        dropout=values.get("resid_pdrop", 0.0),
        norm_eps=values.get("layer_norm_epsilon", 1e-5),
        mlp_width=values.get("n_inner") or 4 * values["n_embd"],
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


def export_pretrained(model: GPT, folder: str | Path) -> None:
    """Write a folder that `transformers.GPT2LMHeadModel.from_pretrained` opens, and that gives the same logits.

    A model without biases is written with biases of zero. Raises ValueError if the model is not a `GPT`, or has a
    switch that GPT-2 does not have.
    """
    if type(model) is not GPT:
        raise ValueError(
            f"a {type(model).__name__} cannot be written as GPT-2: give a GPT, which predicts the next token"
        )
    config, folder = model.config, Path(folder)
    for name, needed in SWITCHES.items():
        if getattr(config, name) != needed:
            raise ValueError(
                f"GPT-2 has {name}={needed!r}, this model {name}={getattr(config, name)!r}; it cannot be written as one"
            )
    state, tensors = model.state_dict(), {}
    for weight in weights(config, {f"{PREFIX}wte.weight"}):
        ours = weight.ours
        tensor = state[ours] if ours in state else torch.zeros(len(state[ours.removesuffix("bias") + "weight"]))
        # a transpose is its own inverse
        tensors[weight.theirs[0]] = weight.convert(tensor.cpu()).clone(memory_format=torch.contiguous_format)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(_config_values(config), indent=1), encoding="utf-8")


def _config_values(config: GPTConfig) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": config.vocab_size,
        "n_positions": config.block_size,
        "n_ctx": config.block_size, "n_layer": config.n_layer, "n_head": config.n_head, "n_embd": config.n_embd,
        "activation_function": {"gelu_tanh": "gelu_new"}.get(config.activation, config.activation),
        "layer_norm_epsilon": config.norm_eps,
        "resid_pdrop": config.dropout, "embd_pdrop": config.dropout, "attn_pdrop": config.dropout,
        "tie_word_embeddings": config.tie_weights, "bos_token_id": None, "eos_token_id": None,
    }  # fmt: skip
