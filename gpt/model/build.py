"""The model that a config describes."""

from gpt.model.bigram import Bigram
from gpt.model.config import GPTConfig, ObjectiveName
from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel


def build_model(config: GPTConfig, objective: ObjectiveName = "language") -> GPT | Bigram:
    """`Bigram` for `n_layer=0`, else `GPT`; with the objective "reward" a `RewardModel`."""
    if objective == "reward":
        return RewardModel(config)
    return Bigram(config) if config.n_layer == 0 else GPT(config)
