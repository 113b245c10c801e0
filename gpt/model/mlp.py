"""The MLP of a block."""

from torch import Tensor, nn

from gpt.model.config import GPTConfig
from gpt.model.hooks import HookPoint


class MLP(nn.Module):
    """Compute on each token by itself: up, non-linearity, and (with a projection) down again.

    Source: lecture 01:24:25.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        width = 4 * config.n_embd if config.projection else config.n_embd  # rung 5: four times as wide inside
        self.up = nn.Linear(config.n_embd, width, bias=config.bias)
        # torch's gelu(tanh) is GPT-2's
        self.activation = nn.ReLU() if config.activation == "relu" else nn.GELU(approximate="tanh")
        self.down = nn.Linear(width, config.n_embd, bias=config.bias) if config.projection else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.hook_pre, self.hook_post = HookPoint(), HookPoint()

    def forward(self, x: Tensor) -> Tensor:  # rung 4: feedforward
        post = self.hook_post(self.activation(self.hook_pre(self.up(x))))  # (B, T, width)
        return self.dropout(self.down(post))  # rung 7: dropout
