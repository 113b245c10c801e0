"""The public names of `gpt.checkpoints` under their first path."""

from gpt.checkpoints.gpt2 import from_hugging_face, to_hugging_face

__all__ = ["from_hugging_face", "to_hugging_face"]
