"""What a model family says about its checkpoints, and what families have in common."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gpt.model.config import Activation, GPTConfig

# the names of non-linearities in config.json
ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu", "relu2": "relu2",
    "silu": "silu", "swish": "silu",
}  # fmt: skip


def same(tensor: Tensor) -> Tensor:
    """Return the tensor as it is."""
    return tensor


def transposed(tensor: Tensor) -> Tensor:
    """Return the transpose of a matrix."""
    return tensor.T


def stacked(*tensors: Tensor) -> Tensor:
    """Return the rows of all tensors, one tensor after the other."""
    return torch.cat(tensors)


@dataclass(frozen=True)
class Weight:
    """One tensor of `GPT`, and how to make it from tensors of the checkpoint."""

    ours: str  # its name in the model's state_dict
    theirs: tuple[str, ...]  # the names in the checkpoint
    convert: Callable[..., Tensor] = same  # takes the tensors named in `theirs`


@dataclass(frozen=True)
class Family:
    """A model family: how to read its config.json, and where each tensor is."""

    model_type: str  # in config.json
    read_config: Callable[[dict[str, Any]], GPTConfig]  # raises ValueError for a variant that `GPT` does not compute
    # config, names in the checkpoint → every tensor of ours, except an unembedding that is tied to the embedding
    weights: Callable[[GPTConfig, set[str]], Iterable[Weight]]


def required(values: Mapping[str, Any], name: str) -> Any:
    """Return a value of config.json. Raises ValueError if it is missing."""
    if values.get(name) is None:
        raise ValueError(f"its config.json has no {name}; get the file again")
    return values[name]


def check_computed(values: Mapping[str, Any], computed: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise ValueError where config.json has a value that `GPT` does not compute.

    computed: name → the values that it computes; the first is that of a config.json without the name.
    """
    for name, allowed in computed.items():
        if values.get(name, allowed[0]) not in allowed:
            raise ValueError(
                f"its {name} is {values[name]!r}; this model computes only {' or '.join(map(repr, allowed))}"
            )


def read_activation(values: Mapping[str, Any], name: str, default: str) -> Activation:
    """Return the non-linearity that config.json has under this name."""
    check_computed(values, {name: (default, *ACTIVATIONS)})
    return ACTIVATIONS[values.get(name, default)]
