"""A Transformer block, and the weights that it begins with."""

import math

from torch import Tensor, nn

from gpt.model.attention import Attention, KVCache
from gpt.model.config import GPTConfig
from gpt.model.embedding import INIT_STD
from gpt.model.hooks import HookPoint
from gpt.model.mlp import MLP
from gpt.model.norms import norm_of


class Block(nn.Module):
    """Communication, then computation: resid_pre → attention → resid_mid → MLP → resid_post, all (B, T, C).

    Source: lecture 01:26:48 (residual), 01:32:51 (layernorm).
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.residual = config.residual
        self.norm_first, self.norm_last = config.norm_first, config.norm == "post"
        self.hook_resid_pre = HookPoint()
        self.ln1 = norm_of(config)
        self.attn = Attention(config)
        self.hook_attn_out = HookPoint()
        self.hook_resid_mid = HookPoint()
        if config.mlp:
            self.ln2 = norm_of(config)
            self.mlp = MLP(config)  # rung 4: feedforward
            self.hook_mlp_out = HookPoint()
        self.has_mlp = config.mlp
        self.hook_resid_post = HookPoint()

    def forward(self, x: Tensor, past: KVCache | None = None, readable: Tensor | None = None) -> Tensor:
        return self._compute(self._communicate(x, past, readable))

    def _communicate(self, x: Tensor, past: KVCache | None = None, readable: Tensor | None = None) -> Tensor:
        """resid_pre → resid_mid."""
        resid_pre = self.hook_resid_pre(x)
        attn_out = self.hook_attn_out(self.attn(self._before(self.ln1, resid_pre), past, readable=readable))
        return self.hook_resid_mid(self._join(self.ln1, resid_pre, attn_out))

    def _compute(self, resid_mid: Tensor) -> Tensor:
        """What the MLP reads → resid_post."""
        resid_post = resid_mid
        if self.has_mlp:  # rung 4: feedforward
            mlp_out = self.hook_mlp_out(self.mlp(self._before(self._mlp_norm, resid_mid)))
            resid_post = self._join(self._mlp_norm, resid_mid, mlp_out)
        return self.hook_resid_post(resid_post)

    @property
    def _mlp_norm(self) -> nn.Module:
        return self.ln2

    def _before(self, norm: nn.Module, stream: Tensor) -> Tensor:
        return norm(stream) if self.norm_first else stream  # rung 6: layernorm

    def _join(self, norm: nn.Module, stream: Tensor, out: Tensor) -> Tensor:
        joined = stream + out if self.residual else out  # rung 5: residual connection
        return norm(joined) if self.norm_last else joined


def initialise(model: nn.Module, config: GPTConfig, writers: int) -> None:
    """Normal weights of std 0.02; what writes into the residual stream is shrunk by √writers, their number.

    Without layernorm nothing makes a small signal large again, so torch's own, larger start stays (lecture, rungs 2 to 5).
    """
    if config.norm == "none":
        return
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2:
            writes = name.endswith(("attn.proj.weight", "mlp.down.weight"))
            nn.init.normal_(parameter, std=INIT_STD / math.sqrt(writers) if writes and config.residual else INIT_STD)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
