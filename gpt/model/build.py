"""The model that a config describes."""

from gpt.model.bigram import Bigram
from gpt.model.config import GPTConfig, ObjectiveName
from gpt.model.gpt import GPT


def build_model(config: GPTConfig, objective: ObjectiveName = "language") -> GPT | Bigram:
    """`Bigram` for `n_layer=0`, else `GPT`."""
    return Bigram(config) if config.n_layer == 0 else GPT(config)
