"""Layernorm, RMSNorm and batchnorm."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.model.config import GPTConfig
from gpt.model.hooks import HookPoint


def affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return γ·x + β; without a weight γ is 1, without a bias β is 0."""
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


class LayerNorm(nn.Module):
    """Normalise each token's features to mean 0 and variance 1, then γ·x + β.

    Hook points: `hook_mean` (B, T, 1), `hook_scale` = √(var + eps) (B, T, 1), `hook_normalized`, the output (B, T, C).
    Source: lecture 01:32:51; Ba et al. 2016, arXiv:1607.06450.
    """

    def __init__(self, n_embd: int, bias: bool, eps: float = 1e-5, weight: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_embd)) if weight else None
        self.bias = nn.Parameter(torch.zeros(n_embd)) if bias else None
        self.hook_mean = HookPoint()
        self.hook_scale = HookPoint()
        self.hook_normalized = HookPoint()

    def forward(self, x: Tensor) -> Tensor:
        if not (self.hook_mean.is_hooked or self.hook_scale.is_hooked):
            return self.hook_normalized(F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps))
        if not (x.requires_grad or self.hook_mean.may_change or self.hook_scale.may_change):
            normalized, mean, rstd = torch.native_layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
            self.hook_mean(mean)
            self.hook_scale(rstd.reciprocal())
            return self.hook_normalized(normalized)
        centred = x - self.hook_mean(x.mean(-1, keepdim=True))  # rung 6: mean 0
        scale = self.hook_scale((centred.pow(2).mean(-1, keepdim=True) + self.eps).sqrt())  # rung 6: its size
        return self.hook_normalized(affine(centred / scale, self.weight, self.bias))  # rung 6: variance 1, then γ


class RMSNorm(nn.Module):
    """Divide each token's features by their root mean square, then multiply by γ: no mean is taken out, no β added.

    Hook points: `hook_scale` = √(mean of squares + eps) (B, T, 1), `hook_normalized`, the output (B, T, C). The root is
    computed in float32 at least. Source: Zhang & Sennrich 2019, arXiv:1910.07467.
    """

    bias = None

    def __init__(self, n_embd: int, eps: float = 1e-5, weight: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_embd)) if weight else None
        self.hook_scale = HookPoint()
        self.hook_normalized = HookPoint()

    def forward(self, x: Tensor) -> Tensor:
        precise = x if x.dtype == torch.float64 else x.float()
        # rung 8: the root mean square; no mean is taken out
        scale = self.hook_scale((precise.pow(2).mean(-1, keepdim=True) + self.eps).sqrt())
        # a division would give the same, but its backward pass takes 2.5 times as long
        normalized = (precise * scale.reciprocal()).to(x.dtype)  # rung 8: divide by it
        return self.hook_normalized(affine(normalized, self.weight, None))  # rung 8: γ, and no β


class BatchNorm(nn.Module):
    """Normalise each feature to mean 0 and variance 1 over all tokens of the batch, then γ·x + β.

    In training it uses the statistics of the batch, so every token affects every other, later tokens and other rows
    too; `running_mean` and `running_var` follow these statistics. In eval mode it uses the running ones, so tokens do
    not affect each other. Parts of a batch would have statistics of their own, so several processes or micro-batches
    cannot train it. Hook points: `hook_mean` (1, 1, C), `hook_scale` = √(var + eps) (1, 1, C), one per feature for all
    tokens; `hook_normalized`, the output (B, T, C). Source: lecture 01:32:51; Ioffe & Szegedy 2015, arXiv:1502.03167.
    """

    momentum = 0.1
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, n_embd: int, bias: bool, eps: float = 1e-5, weight: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_embd)) if weight else None
        self.bias = nn.Parameter(torch.zeros(n_embd)) if bias else None
        self.register_buffer("running_mean", torch.zeros(n_embd))
        self.register_buffer("running_var", torch.ones(n_embd))
        self.hook_mean = HookPoint()
        self.hook_scale = HookPoint()
        self.hook_normalized = HookPoint()

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self._batch_statistics(x) if self.training else (self.running_mean, self.running_var)
        shape = [1] * (x.dim() - 1) + [-1]
        centred = x - self.hook_mean(mean.view(shape))
        scale = self.hook_scale((var + self.eps).sqrt().view(shape))
        return self.hook_normalized(affine(centred / scale, self.weight, self.bias))

    def _batch_statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and variance of each feature, (C,) both, and move the running ones a step towards them."""
        tokens = x.flatten(0, -2)  # (N, C)
        n, mean, var = len(tokens), tokens.mean(0), tokens.var(0, unbiased=False)
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_((var * n / max(n - 1, 1)).to(self.running_var.dtype), self.momentum)
        return mean, var


def build_norm(config: GPTConfig) -> LayerNorm | RMSNorm | BatchNorm | nn.Identity:
    """Make a norm for this config; norm="none" makes one that changes nothing."""
    if config.norm == "none":
        return nn.Identity()
    if config.norm == "rms":
        return RMSNorm(config.n_embd, config.norm_eps, config.norm_weight)
    kind = BatchNorm if config.norm == "batch" else LayerNorm
    return kind(config.n_embd, config.bias, config.norm_eps, config.norm_weight)
