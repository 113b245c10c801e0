"""Checkpoints of other libraries. A model family is one file here, and its entry in `FAMILIES`."""

from dataclasses import dataclass
from pathlib import Path

from gpt.checkpoints.folder import read_folder
from gpt.checkpoints.gpt2 import GPT2, export_pretrained
from gpt.model.gpt import GPT

__all__ = ["FAMILIES", "Pretrained", "export_pretrained", "load_pretrained"]

FAMILIES = {family.model_type: family for family in (GPT2,)}


@dataclass(frozen=True)
class Pretrained:
    """An opened checkpoint."""

    model: GPT  # in eval mode, float32, on the CPU
    name: str
    source: str  # the folder


def load_pretrained(folder: str | Path) -> Pretrained:
    """Open a local Hugging Face folder: config.json and model.safetensors, of a family in `FAMILIES`.

    Raises ValueError for a family that is not known, a variant that `GPT` does not compute, a folder without
    safetensors, and files that are damaged or do not fit each other.
    """
    folder = Path(folder)
    return Pretrained(read_folder(folder, FAMILIES), folder.name, str(folder))
