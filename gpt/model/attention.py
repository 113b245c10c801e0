"""Multi-head attention."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.model.config import GPTConfig
from gpt.model.hooks import HookPoint


class KVCache:
    """The keys and values of the tokens that one layer has read, (B, n_head, T, d_head) each."""

    def __init__(self) -> None:
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new tokens, and return those of all tokens."""
        self.k = k if self.k is None else torch.cat((self.k, k), dim=2)
        self.v = v if self.v is None else torch.cat((self.v, v), dim=2)
        return self.k, self.v


class Attention(nn.Module):
    """Multi-head attention: each token reads the tokens of its own sequence, or those of a memory (cross-attention).

    torch's fused kernel computes it, unless a hook asks for the scores or the pattern; then it is computed step by
    step. Source: lecture 01:02:00 (one head), 01:21:59 (many), 01:16:56 (scale), 01:15:39 (cross); Vaswani et al. 2017,
    arXiv:1706.03762.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.d_head, self.causal = config.n_head, config.d_head, config.causal
        self.scale = 1 / math.sqrt(config.d_head) if config.scale else 1.0
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.has_qkv_bias)
        self.has_qkv_bias = config.has_qkv_bias
        # rung 5: a projection back into the residual stream
        self.proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias) if config.projection else nn.Identity()
        self.dropout = config.dropout
        self.hook_q, self.hook_k, self.hook_v, self.hook_z = HookPoint(), HookPoint(), HookPoint(), HookPoint()
        self.hook_attn_scores, self.hook_pattern = HookPoint(), HookPoint()

    def forward(
        self, x: Tensor, past: KVCache | None = None, memory: Tensor | None = None, readable: Tensor | None = None
    ) -> Tensor:
        """Return what each token gathers, (B, T, C).

        x: (B, T, C), the tokens that ask; memory: (B, S, C), the tokens that they read in place of x;
        readable: (B, S) bool, False where a key is padding.
        """
        q, k, v = self._project(x, memory)  # (B, T, n_head, d_head), twice (B, S, n_head, d_head)
        q, k, v = (hook(t).transpose(1, 2) for hook, t in ((self.hook_q, q), (self.hook_k, k), (self.hook_v, v)))
        if past is not None:
            k, v = past.extend(k, v)
        explicit = self.hook_attn_scores.is_hooked or self.hook_pattern.is_hooked
        z = (self._explicit if explicit else self._fused)(q, k, v, readable).transpose(1, 2)  # (B, T, n_head, d_head)
        out = self.proj(self.hook_z(z).reshape(x.shape))
        return F.dropout(out, self.dropout, self.training)  # rung 7: dropout

    def _project(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, ...]:
        """Compute q from x, and k and v from the memory; without a memory all three from x, in one product."""
        if memory is None:
            return self.qkv(x).unflatten(-1, (3, self.n_head, self.d_head)).unbind(2)  # rung 3: many heads
        sizes = (x.size(-1), 2 * x.size(-1))
        w_q, w_kv = self.qkv.weight.split(sizes)
        b_q, b_kv = self.qkv.bias.split(sizes) if self.has_qkv_bias else (None, None)
        q = F.linear(x, w_q, b_q).unflatten(-1, (self.n_head, self.d_head))
        return q, *F.linear(memory, w_kv, b_kv).unflatten(-1, (2, self.n_head, self.d_head)).unbind(2)

    def _fused(self, q: Tensor, k: Tensor, v: Tensor, readable: Tensor | None) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        is_causal = self.causal and readable is None and q.size(2) == k.size(2)
        mask = None if is_causal else self._mask(q, k, readable)
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=is_causal, scale=self.scale
        )

    # rung 2: one head of self-attention
    def _explicit(self, q: Tensor, k: Tensor, v: Tensor, readable: Tensor | None) -> Tensor:
        scores = q @ k.transpose(-2, -1) * self.scale  # (B, n_head, T, S): queries down, keys across
        mask = self._mask(q, k, readable)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        pattern = self.hook_pattern(self.hook_attn_scores(scores).softmax(-1))
        return F.dropout(pattern, self.dropout, self.training) @ v

    def _mask(self, q: Tensor, k: Tensor, readable: Tensor | None) -> Tensor | None:
        """Return a mask that is True where a query may read, for (B, n_head, T, S), or None if it may read every key.

        A token cannot read the tokens after it (lecture 00:57:00), and no token reads padding.
        """
        mask = None if readable is None else readable[:, None, None]
        if self.causal:
            T, S = q.size(2), k.size(2)
            past = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)  # rung 2: no future
            mask = past if mask is None else mask & past
        return mask
