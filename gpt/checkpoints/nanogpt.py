"""nanoGPT's ckpt.pt: GPT-2's names, with matrices as (outputs, inputs) and GELU without an approximation.

The file is a pickle, so torch reads only tensors and plain values from it. It has no tokenizer.
Source: github.com/karpathy/nanoGPT, model.py and train.py.
"""

from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from gpt.checkpoints import gpt2
from gpt.checkpoints.family import Family, Weight, required, same
from gpt.model.config import GPTConfig

COMPILED = "_orig_mod."  # torch.compile puts it before every name


class StateDict:
    """The tensors of a state dict."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._state = state
        self.names = set(state)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return tuple(self._state[name].shape)

    def read(self, name: str) -> Tensor:
        """Return a tensor."""
        return self._state[name]


def read_nanogpt(file: Path) -> tuple[dict[str, Any], StateDict, None]:
    """Return the model_args of a ckpt.pt as a config.json, its tensors, and no tokenizer.

    Raises ValueError for a file that is not nanoGPT's, or that would execute code when it is unpickled.
    """
    try:
        checkpoint: Any = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (UnpicklingError, EOFError) as error:
        raise ValueError("it holds more than tensors and plain values, or is damaged; it was not unpickled") from error
    held: Any = checkpoint if isinstance(checkpoint, dict) else {}
    arguments, state = held.get("model_args"), held.get("model")
    if not isinstance(arguments, dict) or not isinstance(state, dict):
        raise ValueError("it is no ckpt.pt of nanoGPT, which has 'model_args' and 'model'")
    tensors = {str(name).removeprefix(COMPILED): tensor for name, tensor in state.items()}
    if not all(isinstance(tensor, Tensor) and tensor.is_floating_point() for tensor in tensors.values()):
        raise ValueError("its 'model' holds more than floating-point tensors")
    return {**arguments, "model_type": NANOGPT.model_type}, StateDict(tensors), None


def read_config(values: dict[str, Any]) -> GPTConfig:
    """Return the config of nanoGPT's model_args."""
    return GPTConfig(
        vocab_size=required(values, "vocab_size"),
        block_size=required(values, "block_size"),
        n_layer=required(values, "n_layer"),
        n_head=required(values, "n_head"),
        n_embd=required(values, "n_embd"),
        dropout=values.get("dropout", 0.0),
        bias=values.get("bias", True),
        activation="gelu",
        tie_weights=True,
    )


def weights(config: GPTConfig, names: set[str]) -> Iterator[Weight]:
    """Yield where each tensor is. names: those in the file."""
    for weight in gpt2.weights(config, names):
        if config.bias or not weight.ours.endswith(".bias"):
            yield Weight(weight.ours, weight.theirs, same)


NANOGPT = Family("nanogpt", read_config, weights)
