"""A Transformer block, and the first values of a model's weights."""

import math
from collections.abc import Callable

from torch import Tensor, nn

from gpt.model.attention import Attention, KVCache
from gpt.model.config import GPTConfig
from gpt.model.embedding import INIT_STD
from gpt.model.experts import Experts
from gpt.model.hooks import HookPoint
from gpt.model.mlp import MLP
from gpt.model.ngrams import TABLE
from gpt.model.norms import build_norm
from gpt.model.token_shift import TokenShift

Norm = Callable[[Tensor], Tensor]


class BlockParts(nn.Module):
    """The two halves of a block, attention and MLP, as an encoder's, a decoder's and a GPT's block have them."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.residual = config.residual
        self.norm_first, self.norm_last = config.norm_first, config.norm_last
        self.hook_resid_pre = HookPoint()
        self.ln1 = build_norm(config)
        self.attn_shift = TokenShift(config.n_embd) if config.token_shift else None
        self.attn = Attention(config)
        self.hook_attn_out = HookPoint()
        self.hook_resid_mid = HookPoint()
        if config.mlp:
            self.ln2 = build_norm(config)
            self.mlp_shift = TokenShift(config.n_embd) if config.token_shift else None
            self.mlp = Experts(config) if config.experts > 1 else MLP(config)  # rung 4: feedforward
            self.hook_mlp_out = HookPoint()
        self.has_mlp = config.mlp
        self.hook_resid_post = HookPoint()

    def communicate(self, resid_pre: Tensor, past: KVCache | None = None, readable: Tensor | None = None) -> Tensor:
        """resid_pre → attention → resid_mid."""
        x = self.read(resid_pre, self.ln1, self.attn_shift, past)
        attn_out = self.hook_attn_out(self.attn(x, past, readable=readable))
        return self.hook_resid_mid(self.join(self.ln1, resid_pre, attn_out))

    def compute(self, resid_mid: Tensor, stream: Tensor, past: KVCache | None = None) -> Tensor:
        """resid_mid → MLP → resid_post. stream: what the MLP reads."""
        resid_post = resid_mid
        if self.has_mlp:  # rung 4: feedforward
            mlp_out = self.hook_mlp_out(self.mlp(self.read(stream, self.mlp_norm, self.mlp_shift, past)))
            resid_post = self.join(self.mlp_norm, resid_mid, mlp_out)
        return self.hook_resid_post(resid_post)

    @property
    def mlp_norm(self) -> nn.Module:
        return self.ln2

    def read(self, stream: Tensor, norm: Norm, shift: TokenShift | None, past: KVCache | None = None) -> Tensor:
        """Return what attention or MLP read: the stream, normalised, each token mixed with the one before."""
        x = self.norm_before(norm, stream)
        return x if shift is None else shift(x, past)

    def norm_before(self, norm: Norm, stream: Tensor) -> Tensor:
        return norm(stream) if self.norm_first else stream  # rung 6: layernorm

    def join(self, norm: Norm, stream: Tensor, out: Tensor) -> Tensor:
        joined = stream + out if self.residual else out  # rung 5: residual connection
        return norm(joined) if self.norm_last else joined


class Block(BlockParts):
    """Communication, then computation: resid_pre → attention → resid_mid → MLP → resid_post, all (B, T, C).

    In a parallel block the MLP reads resid_pre too, so nothing reads resid_mid = resid_pre + attn_out (Wang &
    Komatsuzaki 2021, GPT-J). Source: lecture 01:26:48 (residual), 01:32:51 (layernorm).
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.parallel = config.parallel

    def forward(self, x: Tensor, past: KVCache | None = None, readable: Tensor | None = None) -> Tensor:
        resid_pre = self.hook_resid_pre(x)
        resid_mid = self.communicate(resid_pre, past, readable)
        return self.compute(resid_mid, resid_pre if self.parallel else resid_mid, past)


def initialise(model: nn.Module, config: GPTConfig, writers: int) -> None:
    """Draw normal weights of std 0.02; those that write into the residual stream are divided by √writers.

    writers: the number of parts that write. Without layernorm nothing makes a small signal large again, so torch's own,
    larger weights stay (lecture, rungs 2 to 5). With zero_init the weights that write are 0 (Zhang et al. 2019, Fixup,
    arXiv:1901.09321). A table of n-grams is always 0 at first.
    """
    for name, parameter in model.named_parameters():
        writes = name.endswith(("attn.proj.weight", ".down.weight"))
        if (config.zero_init and writes) or name == TABLE:
            nn.init.zeros_(parameter)
        elif config.norm == "none":
            continue
        elif parameter.dim() == 2:
            nn.init.normal_(parameter, std=INIT_STD / math.sqrt(writers) if writes and config.residual else INIT_STD)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
