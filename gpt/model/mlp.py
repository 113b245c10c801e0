"""The MLP of a block."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from gpt.model.config import Activation, GPTConfig
from gpt.model.hooks import HookPoint

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),  # So et al. 2021, arXiv:2109.08668
    "gelu": F.gelu,  # Hendrycks & Gimpel 2016, arXiv:1606.08415
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),  # the same paper, section 2
    "silu": F.silu,  # the same paper, section 2
}


class MLP(nn.Module):
    """Compute on each token by itself: up, non-linearity, and (with a projection) down again.

    A gated MLP multiplies what comes up by a gate (Shazeer 2020, arXiv:2002.05202). Hook points: `hook_pre`, what the
    non-linearity reads; `hook_pre_linear`, what the gate multiplies; `hook_post`, all (B, T, mlp_width).
    Source: lecture 01:24:25.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        width = config.mlp_width  # rung 5: four times as wide inside
        self.gate = nn.Linear(config.n_embd, width, bias=config.bias) if config.gated else None
        self.up = nn.Linear(config.n_embd, width, bias=config.bias)
        self.activation = ACTIVATIONS[config.activation]
        self.down = nn.Linear(width, config.n_embd, bias=config.bias) if config.projection else nn.Identity()
        self.dropout = config.dropout
        self.hook_pre, self.hook_post = HookPoint(), HookPoint()
        if config.gated:
            self.hook_pre_linear = HookPoint()

    def forward(self, x: Tensor) -> Tensor:  # rung 4: feedforward
        if self.gate is None:
            post = self.activation(self.hook_pre(self.up(x)))  # (B, T, mlp_width)
        else:
            # rung 10: a gated MLP
            post = self.activation(self.hook_pre(self.gate(x))) * self.hook_pre_linear(self.up(x))
        out = self.down(self.hook_post(post))
        return F.dropout(out, self.dropout) if self.training else out  # rung 7: dropout
