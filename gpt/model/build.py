"""The model that a config describes."""

from gpt.model.bigram import Bigram
from gpt.model.config import GPTConfig, ObjectiveName
from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel
from gpt.model.seq2seq import Seq2Seq


def build_model(config: GPTConfig, objective: ObjectiveName = "language") -> GPT | Bigram | Seq2Seq:
    """`Seq2Seq` for "translation", `RewardModel` for "reward"; else `Bigram` for `n_layer=0`, and `GPT`. Raises ValueError as these do."""
    if objective == "translation":
        return Seq2Seq(config)
    if objective == "reward":
        return RewardModel(config)
    return Bigram(config) if config.n_layer == 0 else GPT(config)
