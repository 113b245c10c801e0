"""Checkpoints of other libraries. A model family is one file here, and its entry in `FAMILIES`."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError

from gpt.checkpoints.folder import read_folder
from gpt.checkpoints.gpt2 import GPT2, export_pretrained
from gpt.checkpoints.tensors import Progress, read_model
from gpt.model.gpt import GPT

__all__ = ["FAMILIES", "Pretrained", "export_pretrained", "load_pretrained"]

FAMILIES = {family.model_type: family for family in (GPT2,)}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# what a damaged file may raise
DAMAGE = (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)


@dataclass(frozen=True)
class Pretrained:
    """An opened checkpoint."""

    model: GPT  # in eval mode, on the CPU
    name: str
    source: str  # the folder


def load_pretrained(source: str | Path, *, dtype: str = "float32", progress: Progress | None = None) -> Pretrained:
    """Open a local Hugging Face folder: config.json and safetensors, of a family in `FAMILIES`.

    dtype: of the weights in memory, "float32" or "bfloat16". progress(done, total, what): called with bytes; an
    exception that it raises cancels the work.
    Raises ValueError for a family that is not known, a variant that `GPT` does not compute, a folder without
    safetensors, files that are damaged or do not fit each other, and a model that is larger than memory.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype={dtype!r} is not known; choose one of {', '.join(DTYPES)}")
    folder = Path(source)
    try:
        values, tensors = read_folder(folder)
        model = read_model(values, tensors, FAMILIES, DTYPES[dtype], progress)
    except DAMAGE as error:
        raise ValueError(f"{str(source)!r} cannot be opened as a checkpoint: {error}") from error
    return Pretrained(model, folder.name, str(folder))
