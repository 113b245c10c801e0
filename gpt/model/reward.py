"""A model that scores a text with one number."""

from torch import Tensor, nn

from gpt.model.attention import KVCache
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT


class RewardModel(GPT):
    """A GPT whose last layer gives one number at every position, the reward of the text so far: ids (B, T) → (B, T).

    A new model gives 0 everywhere. Source: lecture 01:48:53; Ouyang et al. 2022, arXiv:2203.02155, section 3.5.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.unembed = nn.Linear(config.n_embd, 1)
        nn.init.zeros_(self.unembed.weight)
        nn.init.zeros_(self.unembed.bias)

    def forward(self, idx: Tensor, past: list[KVCache] | None = None) -> Tensor:
        return super().forward(idx, past).squeeze(-1)
