"""`load_pretrained` and `export_pretrained` under their first names."""

from pathlib import Path

from gpt.checkpoints import export_pretrained as to_hugging_face
from gpt.checkpoints import load_pretrained
from gpt.model.gpt import GPT

__all__ = ["from_hugging_face", "to_hugging_face"]


def from_hugging_face(folder: str | Path) -> GPT:
    """Return the model of `load_pretrained(folder)`."""
    return load_pretrained(folder).model
