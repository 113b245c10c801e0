"""What a model family says about its checkpoints."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gpt.model.config import GPTConfig


def same(tensor: Tensor) -> Tensor:
    """Return the tensor as it is."""
    return tensor


def transposed(tensor: Tensor) -> Tensor:
    """Return the transpose of a matrix."""
    return tensor.T


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
    weights: Callable[
        [GPTConfig, set[str]], Iterable[Weight]
    ]  # config, names in the checkpoint → every tensor of ours, without an unembedding that is tied
