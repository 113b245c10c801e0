"""The parts of a Transformer block: attention, MLP, norms, positions, and the block itself."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.model.config import GPTConfig
from gpt.model.hooks import HookPoint

INIT_STD = 0.02  # Radford et al. 2019 (GPT-2), section 2.3


class TokenEmbedding(nn.Embedding):
    """A row of numbers for each id: ids (…) → (…, n). Raises ValueError on ids that are no whole numbers, or outside the table."""

    def forward(self, ids: Tensor) -> Tensor:
        if ids.dtype not in (torch.int64, torch.int32):
            raise ValueError(
                f"the ids have dtype {ids.dtype}; give whole numbers of dtype torch.int64, for example ids.long()"
            )
        try:
            return super().forward(ids)
        except IndexError as error:
            raise ValueError(
                f"the ids go from {int(ids.min())} to {int(ids.max())}; this model's go from 0 to {self.num_embeddings - 1}"
            ) from error


class LayerNorm(nn.Module):
    """Normalise each token's features to mean 0 and variance 1, then γ·x + β.

    Hook points: `hook_mean` (B, T, 1), `hook_scale` = √(var + eps) (B, T, 1), `hook_normalized`, what leaves (B, T, C).
    Source: lecture 01:32:51; Ba et al. 2016, arXiv:1607.06450.
    """

    eps = 1e-5

    def __init__(self, n_embd: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_embd))
        self.bias = nn.Parameter(torch.zeros(n_embd)) if bias else None
        self.hook_mean = HookPoint()
        self.hook_scale = HookPoint()
        self.hook_normalized = HookPoint()

    def forward(self, x: Tensor) -> Tensor:
        if not (self.hook_mean.heard or self.hook_scale.heard):
            return self.hook_normalized(F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps))
        centred = x - self.hook_mean(x.mean(-1, keepdim=True))
        scale = self.hook_scale((centred.pow(2).mean(-1, keepdim=True) + self.eps).sqrt())
        normalized = centred / scale * self.weight
        return self.hook_normalized(normalized if self.bias is None else normalized + self.bias)


class BatchNorm(nn.Module):
    """Normalise each feature to mean 0 and variance 1 over all tokens of the batch, then γ·x + β.

    In training by the statistics of the batch, so that tokens meet in them, later ones and other rows' as well; `running_mean`
    and `running_var` follow these. In eval mode by the running ones, so that each token is its own affair. Parts of a batch would
    have their own statistics, so several processes or micro-batches cannot train it.
    Hook points: `hook_mean` (1, 1, C), `hook_scale` = √(var + eps) (1, 1, C), one a feature for all tokens;
    `hook_normalized`, what leaves (B, T, C). Source: lecture 01:32:51; Ioffe & Szegedy 2015, arXiv:1502.03167.
    """

    eps, momentum = 1e-5, 0.1

    def __init__(self, n_embd: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_embd))
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
        normalized = centred / self.hook_scale((var + self.eps).sqrt().view(shape)) * self.weight
        return self.hook_normalized(normalized if self.bias is None else normalized + self.bias)

    def _batch_statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of each feature, (C,) both; the running ones go a step towards them."""
        tokens = x.flatten(0, -2)  # (N, C)
        n, mean, var = len(tokens), tokens.mean(0), tokens.var(0, unbiased=False)
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_((var * n / max(n - 1, 1)).to(self.running_var.dtype), self.momentum)
        return mean, var


def norm_of(config: GPTConfig) -> nn.Module:
    """The norm that this kind of model has, a new one; with norm="none" one that changes nothing."""
    if config.norm == "none":
        return nn.Identity()
    return (BatchNorm if config.norm == "batch" else LayerNorm)(config.n_embd, config.bias)


class KVCache:
    """Keys and values of the tokens that one layer has already seen, (B, n_head, T, d_head) each."""

    def __init__(self) -> None:
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append the new tokens' keys and values; returns all of them."""
        self.k = k if self.k is None else torch.cat((self.k, k), dim=2)
        self.v = v if self.v is None else torch.cat((self.v, v), dim=2)
        return self.k, self.v


class Attention(nn.Module):
    """Multi-head attention: of tokens to one another, or, where a memory is given, to the tokens of that (cross-attention).

    Where nobody asks for scores or pattern, torch's fused kernel runs; else the same is computed step by step.
    Source: lecture 01:02:00 (one head), 01:21:59 (many), 01:16:56 (scale), 01:15:39 (cross); Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.d_head, self.causal = config.n_head, config.d_head, config.causal
        self.scale = 1 / math.sqrt(config.d_head) if config.scale else 1.0
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.has_qkv_bias)
        self.proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias) if config.projection else nn.Identity()
        self.dropout = config.dropout
        self.hook_q, self.hook_k, self.hook_v, self.hook_z = HookPoint(), HookPoint(), HookPoint(), HookPoint()
        self.hook_attn_scores, self.hook_pattern = HookPoint(), HookPoint()

    def forward(
        self, x: Tensor, past: KVCache | None = None, memory: Tensor | None = None, readable: Tensor | None = None
    ) -> Tensor:
        """x: (B, T, C), what asks; memory: (B, S, C), what is read in its place; readable: (B, S) bool, False where a key is padding."""
        q, k, v = self._project(x, memory)  # (B, T, n_head, d_head), twice (B, S, n_head, d_head)
        q, k, v = (hook(t).transpose(1, 2) for hook, t in ((self.hook_q, q), (self.hook_k, k), (self.hook_v, v)))
        if past is not None:
            k, v = past.extend(k, v)
        explicit = self.hook_attn_scores.heard or self.hook_pattern.heard
        z = (self._explicit if explicit else self._fused)(q, k, v, readable).transpose(1, 2)  # (B, T, n_head, d_head)
        out = self.proj(self.hook_z(z).reshape(x.shape))
        return F.dropout(out, self.dropout, self.training)

    def _project(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, ...]:
        """q of x, k and v of the memory, or of x as well, where all three are one product."""
        if memory is None:
            return self.qkv(x).unflatten(-1, (3, self.n_head, self.d_head)).unbind(2)
        sizes = (x.size(-1), 2 * x.size(-1))
        weights = self.qkv.weight.split(sizes)
        biases = (None, None) if self.qkv.bias is None else self.qkv.bias.split(sizes)
        q = F.linear(x, weights[0], biases[0]).unflatten(-1, (self.n_head, self.d_head))
        return q, *F.linear(memory, weights[1], biases[1]).unflatten(-1, (2, self.n_head, self.d_head)).unbind(2)

    def _fused(self, q: Tensor, k: Tensor, v: Tensor, readable: Tensor | None) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        is_causal = self.causal and readable is None and q.size(2) == k.size(2)
        mask = None if is_causal else self._mask(q, k, readable)
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=is_causal, scale=self.scale
        )

    def _explicit(self, q: Tensor, k: Tensor, v: Tensor, readable: Tensor | None) -> Tensor:
        scores = q @ k.transpose(-2, -1) * self.scale  # (B, n_head, T, S): queries down, keys across
        mask = self._mask(q, k, readable)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        pattern = self.hook_pattern(self.hook_attn_scores(scores).softmax(-1))
        return F.dropout(pattern, self.dropout, self.training) @ v

    def _mask(self, q: Tensor, k: Tensor, readable: Tensor | None) -> Tensor | None:
        """True where a query may look, broadcast to (B, n_head, T, S); None where it may look everywhere.

        Tokens from the future cannot communicate (lecture 00:57:00), and padding is nobody's token.
        """
        mask = None if readable is None else readable[:, None, None]
        if self.causal:
            T, S = q.size(2), k.size(2)
            past = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)
            mask = past if mask is None else mask & past
        return mask


class MLP(nn.Module):
    """Each token thinks by itself: up, non-linearity, and (with a projection) back down. Source: lecture 01:24:25."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        width = 4 * config.n_embd if config.projection else config.n_embd
        self.up = nn.Linear(config.n_embd, width, bias=config.bias)
        # torch's gelu(tanh) is GPT-2's
        self.activation = nn.ReLU() if config.activation == "relu" else nn.GELU(approximate="tanh")
        self.down = nn.Linear(width, config.n_embd, bias=config.bias) if config.projection else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.hook_pre, self.hook_post = HookPoint(), HookPoint()

    def forward(self, x: Tensor) -> Tensor:
        post = self.hook_post(self.activation(self.hook_pre(self.up(x))))  # (B, T, width)
        return self.dropout(self.down(post))


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
            self.mlp = MLP(config)
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
        if self.has_mlp:
            mlp_out = self.hook_mlp_out(self.mlp(self._before(self._mlp_norm, resid_mid)))
            resid_post = self._join(self._mlp_norm, resid_mid, mlp_out)
        return self.hook_resid_post(resid_post)

    @property
    def _mlp_norm(self) -> nn.Module:
        return self.ln2

    def _before(self, norm: nn.Module, stream: Tensor) -> Tensor:
        return norm(stream) if self.norm_first else stream

    def _join(self, norm: nn.Module, stream: Tensor, out: Tensor) -> Tensor:
        joined = stream + out if self.residual else out
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


def sinusoids(block_size: int, n_embd: int) -> Tensor:
    """Fixed positions: sine and cosine of each position at geometric frequencies, (block_size, n_embd).

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5; lecture 01:00:18.
    """
    position = torch.arange(block_size).unsqueeze(1)  # (T, 1)
    angle = position * 10_000 ** (-torch.arange(0, n_embd, 2) / n_embd)  # (T, C/2)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).reshape(block_size, n_embd)


def positions_of(config: GPTConfig) -> nn.Parameter | nn.Buffer:
    """A vector for each position, (block_size, n_embd): learned, or fixed sinusoids."""
    if config.positions == "learned":
        return nn.Parameter(torch.randn(config.block_size, config.n_embd))
    token_size = 1.0 if config.norm == "none" else INIT_STD
    amplitude = token_size if config.amplitude is None else config.amplitude
    return nn.Buffer(amplitude * sinusoids(config.block_size, config.n_embd))
