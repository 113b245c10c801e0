"""GPT-2 checkpoints in, Hugging Face folders out: `config.json` and `model.safetensors`. Pickles are never opened.

Source: lecture 01:46:22; Radford et al. 2019. GPT-2 keeps its matrices as (inputs, outputs), `nn.Linear` as (outputs, inputs).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gpt.model.build import without_memory
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT
from gpt.model.norms import LayerNorm

ACTIVATIONS = {"gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "relu": "relu"}
BLOCK = {
    "ln1": "ln_1", "attn.qkv": "attn.c_attn", "attn.proj": "attn.c_proj", "ln2": "ln_2", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj",
}  # fmt: skip
PREFIX = "transformer."
UNREADABLE = (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)  # of alien files
# What GPT-2 always is, and GPTConfig can leave out.
GPT2_SWITCHES = {
    "positions": "learned", "norm": "pre", "residual": True, "projection": True, "mlp": True, "scale": True, "causal": True,
    "unembed_bias": False,
}  # fmt: skip


def from_hugging_face(folder: str | Path) -> GPT:
    """Open a GPT-2 checkpoint's folder: the model, in eval mode, float32, on the CPU.

    Shapes are checked before memory is spent. Raises ValueError on another architecture, a variant of GPT-2 that `GPT` does not
    compute, a folder without safetensors, and files that are damaged or do not belong together.
    """
    folder = Path(folder)
    try:
        config = _read_config(folder)
        weights = folder / "model.safetensors"
        if not weights.is_file():
            raise ValueError(
                "it has no model.safetensors in one piece; pickles (pytorch_model.bin) are not opened, save it as safetensors"
            )
        with safe_open(weights, framework="pt") as file:
            found = set(file.keys())
            if config.n_layer > len(found):
                raise ValueError(f"its {len(found)} tensors are too few for {config.n_layer} layers")
            names = list(_names(config, PREFIX if f"{PREFIX}wte.weight" in found else ""))
            _check_shapes(config, names, file)
            model = GPT(config)
            model.load_state_dict({ours: _turn(file.get_tensor(theirs), turned) for ours, theirs, turned in names})
    except UNREADABLE as error:
        raise ValueError(f"{str(folder)!r} cannot be opened as a GPT-2 checkpoint: {error}") from error
    return model.eval().requires_grad_(False)


def to_hugging_face(model: GPT, folder: str | Path) -> None:
    """Write a folder that `transformers.GPT2LMHeadModel.from_pretrained` opens, and that gives the same logits.

    A model without biases is written with biases of zero. Raises ValueError where the model is no GPT, or GPT-2 has no such switch.
    """
    if type(model) is not GPT:
        raise ValueError(
            f"a {type(model).__name__} cannot be written as GPT-2: give a GPT, which predicts the next token"
        )
    config, folder = model.config, Path(folder)
    for name, needed in GPT2_SWITCHES.items():
        if getattr(config, name) != needed:
            raise ValueError(
                f"GPT-2 has {name}={needed!r}, this model {name}={getattr(config, name)!r}; it cannot be written as one"
            )
    state, tensors = model.state_dict(), {}
    for ours, theirs, turned in _names(config, PREFIX):
        tensor = state[ours] if ours in state else torch.zeros(len(state[ours.removesuffix("bias") + "weight"]))
        tensors[theirs] = _turn(tensor.cpu(), turned).clone(memory_format=torch.contiguous_format)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(_their_config(config), indent=1), encoding="utf-8")


def _turn(tensor: Tensor, turned: bool) -> Tensor:
    return tensor.T if turned else tensor


def _names(config: GPTConfig, prefix: str) -> Iterator[tuple[str, str, bool]]:
    """(our name, GPT-2's name, whether one is the other's transpose) of every tensor."""
    yield from (("embed.weight", f"{prefix}wte.weight", False), ("pos_embed", f"{prefix}wpe.weight", False))
    for layer in range(config.n_layer):
        for ours, theirs in BLOCK.items():
            here, there = f"blocks.{layer}.{ours}", f"{prefix}h.{layer}.{theirs}"
            yield f"{here}.weight", f"{there}.weight", "ln" not in ours
            yield f"{here}.bias", f"{there}.bias", False
    yield from ((f"ln_final.{kind}", f"{prefix}ln_f.{kind}", False) for kind in ("weight", "bias"))
    yield "unembed.weight", f"{prefix}wte.weight" if config.tie_weights else "lm_head.weight", False


def _check_shapes(config: GPTConfig, names: list[tuple[str, str, bool]], file: Any) -> None:
    with without_memory():
        expected = {name: list(tensor.shape) for name, tensor in GPT(config).state_dict().items()}
    for ours, theirs, turned in names:
        shape = file.get_slice(theirs).get_shape()
        if (shape[::-1] if turned else shape) != expected[ours]:
            raise ValueError(f"{theirs} has shape {shape}, which does not fit config.json")


def _read_config(folder: Path) -> GPTConfig:
    theirs = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if theirs.get("model_type") != "gpt2":
        raise ValueError(f"it is a {theirs.get('model_type')!r}; only 'gpt2' can be opened")
    _check_variant(theirs)
    return GPTConfig(
        vocab_size=theirs["vocab_size"], block_size=theirs["n_positions"],
        n_layer=theirs["n_layer"], n_head=theirs["n_head"], n_embd=theirs["n_embd"], dropout=theirs.get("resid_pdrop", 0.0),
        activation=ACTIVATIONS[theirs.get("activation_function", "gelu_new")], tie_weights=theirs.get("tie_word_embeddings", True),
    )  # fmt: skip


def _check_variant(theirs: dict[str, Any]) -> None:
    """GPT2Config has switches that GPTConfig lacks; those must stand as in GPT-2."""
    standard = {
        "activation_function": tuple(ACTIVATIONS),
        "layer_norm_epsilon": (LayerNorm.eps,),
        "n_inner": (None, 4 * theirs["n_embd"]),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    }
    for name, allowed in standard.items():
        if theirs.get(name, allowed[0]) not in allowed:
            raise ValueError(
                f"its {name} is {theirs[name]!r}; this model computes {' or '.join(map(repr, allowed))} alone"
            )


def _their_config(config: GPTConfig) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": config.vocab_size, "n_positions": config.block_size,
        "n_ctx": config.block_size, "n_layer": config.n_layer, "n_head": config.n_head, "n_embd": config.n_embd,
        "activation_function": "gelu_new" if config.activation == "gelu" else "relu", "layer_norm_epsilon": LayerNorm.eps,
        "resid_pdrop": config.dropout, "embd_pdrop": config.dropout, "attn_pdrop": config.dropout,
        "tie_word_embeddings": config.tie_weights, "bos_token_id": None, "eos_token_id": None,
    }  # fmt: skip
