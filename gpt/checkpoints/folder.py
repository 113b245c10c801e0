"""Read a Hugging Face folder of any family: `config.json` and `model.safetensors`. Pickles are never opened."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from gpt.checkpoints.family import Family, Weight
from gpt.model.build import without_memory
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT

# what a damaged file may raise
DAMAGE = (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)


def read_folder(folder: Path, families: Mapping[str, Family]) -> GPT:
    """Return the model of a folder, in eval mode, float32, on the CPU. families: model_type → family.

    Shapes are checked before memory is allocated. Raises ValueError for a family that is not in `families`, a variant
    that `GPT` does not compute, a folder without safetensors, and files that are damaged or do not fit each other.
    """
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        family = families.get(values.get("model_type"))
        if family is None:
            known = " and ".join(map(repr, families))
            raise ValueError(f"its model_type is {values.get('model_type')!r}; only {known} can be opened")
        model = _read_weights(folder / "model.safetensors", family, family.read_config(values))
    except DAMAGE as error:
        raise ValueError(f"{str(folder)!r} cannot be opened as a checkpoint: {error}") from error
    return model.eval().requires_grad_(False)


def _read_weights(file: Path, family: Family, config: GPTConfig) -> GPT:
    if not file.is_file():
        raise ValueError(
            "it has no model.safetensors in one piece; "
            "pickles (pytorch_model.bin) are not opened, save it as safetensors"
        )
    with safe_open(file, framework="pt") as tensors:
        names = set(tensors.keys())
        if config.n_layer > len(names):
            raise ValueError(f"its {len(names)} tensors are too few for {config.n_layer} layers")
        weights = list(family.weights(config, names))
        _check_shapes(config, weights, tensors)
        model = GPT(config)
        model.load_state_dict(
            {weight.ours: weight.convert(*map(tensors.get_tensor, weight.theirs)) for weight in weights}
        )
    return model


def _check_shapes(config: GPTConfig, weights: Iterable[Weight], tensors: Any) -> None:
    with without_memory():
        expected = {name: tensor.shape for name, tensor in GPT(config).state_dict().items()}
        for weight in weights:
            shapes = [tensors.get_slice(name).get_shape() for name in weight.theirs]
            if weight.convert(*map(torch.empty, shapes)).shape != expected[weight.ours]:
                names = ", ".join(
                    f"{name} has shape {shape}" for name, shape in zip(weight.theirs, shapes, strict=True)
                )
                raise ValueError(f"{names}, which does not fit config.json")
