"""Multi-head attention."""

import math
from functools import cache, lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.model.config import GPTConfig
from gpt.model.hooks import HookPoint
from gpt.model.norms import RMSNorm
from gpt.model.positions import Rotary

LANES = 16  # float32 numbers in a register of today's CPUs


class KVCache:
    """The keys and values of the tokens that one layer has read, (B, n_kv_head, T, d_head) each.

    They have room for more tokens, twice as much whenever it is full: a new token copies no other. `last` has what
    other parts keep of the last tokens: token shift the features of one, (B, 1, n_embd), n-grams some ids, (B, n − 1).
    """

    def __init__(self, block_size: int) -> None:
        self.block_size = block_size
        self.length = 0  # the number of tokens read, T
        self._room = torch.empty(2, 0, 0, 0, 0)  # (2, B, n_kv_head, at least T, d_head): keys and values
        self.last: dict[nn.Module, Tensor] = {}

    @property
    def k(self) -> Tensor:
        """The keys."""
        return self._room[0].narrow(2, 0, self.length)

    @property
    def v(self) -> Tensor:
        """The values."""
        return self._room[1].narrow(2, 0, self.length)

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new tokens, and return those of all tokens."""
        start, self.length = self.length, self.length + k.size(2)
        if self._room.size(3) < self.length:
            B, n_kv_head, _, d_head = k.shape
            room = k.new_empty(2, B, n_kv_head, min(self.block_size, max(64, 2 * self.length)), d_head)
            if start:
                room.narrow(3, 0, start).copy_(self._room.narrow(3, 0, start))
            self._room = room
        self._room[0].narrow(2, start, k.size(2)).copy_(k)
        self._room[1].narrow(2, start, v.size(2)).copy_(v)
        return self.k, self.v


@cache
def row_mask(n: int, T: int) -> Tensor:
    """Return what is added to the scores of n sequences of T tokens in a row, (n T, n T).

    It is −∞ unless both tokens are in one sequence, and the query is not before the key.
    """
    with torch.inference_mode(False):
        return torch.block_diag(*n * [torch.ones(T, T).tril()]).log()


class Attention(nn.Module):
    """Multi-head attention: each token reads the tokens of its own sequence, or those of a memory (cross-attention).

    With fewer key and value heads than query heads, n_head / n_kv_head queries next to each other share a key and a
    value (grouped queries, Ainslie et al. 2023, arXiv:2305.13245). torch's fused kernel computes it, unless a hook asks
    for the scores or the pattern; then it is computed step by step. Source: lecture 01:02:00 (one head), 01:21:59
    (many), 01:16:56 (scale), 01:15:39 (cross); Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.n_kv_head, self.d_head = config.n_head, config.n_kv_head, config.d_head
        self.causal, self.window = config.causal, config.window
        self.scale = 1 / math.sqrt(config.d_head) if config.scale else 1.0
        self.heads = (self.n_head, self.n_kv_head, self.n_kv_head)  # rung 3: many heads, of q, k and v
        # rung 12: fewer keys and values than queries; the sizes of q, and of k and v
        self.sizes = (self.n_head * self.d_head, 2 * self.n_kv_head * self.d_head)
        self.qkv = nn.Linear(config.n_embd, sum(self.sizes), bias=config.has_qkv_bias)
        self.has_qkv_bias = config.has_qkv_bias
        # rung 5: a projection back into the residual stream
        self.proj = nn.Linear(self.sizes[0], config.n_embd, bias=config.bias) if config.projection else nn.Identity()
        self.dropout = config.dropout
        self.q_norm = RMSNorm(self.d_head, config.norm_eps, config.norm_weight) if config.qk_norm else None
        self.k_norm = RMSNorm(self.d_head, config.norm_eps, config.norm_weight) if config.qk_norm else None
        self.hook_q, self.hook_k, self.hook_v, self.hook_z = HookPoint(), HookPoint(), HookPoint(), HookPoint()
        self.rotary = None
        if config.positions == "rotary":
            self.rotary = Rotary(config)
            self.hook_rot_q, self.hook_rot_k = HookPoint(), HookPoint()
        self.hook_attn_scores, self.hook_pattern = HookPoint(), HookPoint()

    def forward(
        self, x: Tensor, past: KVCache | None = None, memory: Tensor | None = None, readable: Tensor | None = None
    ) -> Tensor:
        """Return what each token gathers, (B, T, C).

        x: (B, T, C), the tokens that ask; memory: (B, S, C), the tokens that they read in place of x;
        readable: (B, S) bool, False where a key is padding.
        """
        n = self._sequences_in_a_row(x) if past is None and memory is None and readable is None else 1
        row = x if n == 1 else x.reshape(-1, n * x.size(1), x.size(2))
        q, k, v = self._project(row, memory)  # (B, T, n_head, d_head), twice (B, S, n_kv_head, d_head)
        q, k, v = self.hook_q(q), self.hook_k(k), self.hook_v(v)
        if self.q_norm is not None and self.k_norm is not None:  # rung 11: norms of queries and keys
            q, k = self.q_norm(q), self.k_norm(k)
        if self.rotary is not None:  # rung 9: rotary positions
            start = 0 if past is None else past.length
            q, k = self.hook_rot_q(self.rotary(q, start)), self.hook_rot_k(self.rotary(k, start))
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        if past is not None:
            k, v = past.extend(k, v)
        explicit = self.hook_attn_scores.is_hooked or self.hook_pattern.is_hooked
        z = self._explicit(q, k, v, readable) if explicit else self._fused(q, k, v, readable, n)
        out = self.proj(self.hook_z(z.transpose(1, 2)).flatten(2))  # z: (B, n_head, T, d_head)
        out = out if n == 1 else out.view(x.shape)
        return F.dropout(out, self.dropout) if self.training and self.dropout else out  # rung 7: dropout

    def _project(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Compute q from x, and k and v from the memory; without a memory all three from x, in one product."""
        if memory is None:
            q, k, v = self.qkv(x).view(*x.shape[:2], -1, self.d_head).split(self.heads, dim=2)
            return q, k, v
        w_q, w_kv = self.qkv.weight.split(self.sizes)
        b_q, b_kv = self.qkv.bias.split(self.sizes) if self.has_qkv_bias else (None, None)
        q, kv = F.linear(x, w_q, b_q), F.linear(memory, w_kv, b_kv)
        k, v = kv.unflatten(-1, (-1, self.d_head)).split(self.heads[1:], dim=2)
        return q.unflatten(-1, (-1, self.d_head)), k, v

    def _sequences_in_a_row(self, x: Tensor) -> int:
        """Return how many short sequences are computed as one, in which each token reads only its own sequence.

        The fused kernel computes `LANES` scores at once, however few a query has.
        """
        n = LANES // max(x.size(1), 1)
        points = (self.hook_q, self.hook_k, self.hook_v, self.hook_z, self.hook_attn_scores, self.hook_pattern)
        if (
            n < 2 or x.size(0) % n or x.device.type != "cpu" or not self.causal or self.window or self.rotary
            or any(point.is_hooked for point in points)
        ):  # fmt: skip
            return 1
        return n

    def _fused(self, q: Tensor, k: Tensor, v: Tensor, readable: Tensor | None, n: int) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        is_causal = self.causal and readable is None and q.size(2) == k.size(2) and not self._is_windowed(k) and n == 1
        mask = row_mask(n, q.size(2) // n).to(q.dtype) if n > 1 else None if is_causal else self._mask(q, k, readable)
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=is_causal, scale=self.scale,
            enable_gqa=self.n_kv_head < self.n_head,
        )  # fmt: skip

    # rung 2: one head of self-attention
    def _explicit(self, q: Tensor, k: Tensor, v: Tensor, readable: Tensor | None) -> Tensor:
        if self.n_kv_head < self.n_head:  # rung 12: queries next to each other share a key and a value
            k, v = (t.repeat_interleave(self.n_head // self.n_kv_head, dim=1) for t in (k, v))
        products = q @ k.transpose(-2, -1)  # (B, n_head, T, S): queries down, keys across
        mask = self._mask(q, k, readable)
        scores = products * self.scale if mask is None else torch.add(mask, products, alpha=self.scale)
        pattern = self.hook_pattern(self.hook_attn_scores(scores).softmax(-1))
        return (F.dropout(pattern, self.dropout) if self.training else pattern) @ v

    def _is_windowed(self, k: Tensor) -> bool:
        """Whether the window leaves out a key."""
        return self.window is not None and k.size(2) > self.window

    def _mask(self, q: Tensor, k: Tensor, readable: Tensor | None) -> Tensor | None:
        """Return what is added to the scores (B, n_head, T, S): −∞ where a query may not read; None if it may anywhere.

        A token cannot read the tokens after it (lecture 00:57:00), nor those before its window, and no token reads
        padding. An addition takes a tenth of the time of `masked_fill`.
        """
        mask = None
        if self.causal and (q.size(2) > 1 or self._is_windowed(k)):
            mask = causal_mask(q.size(2), k.size(2), self.window, q.dtype, q.device)
        if readable is not None:
            padding = torch.zeros_like(readable, dtype=q.dtype).masked_fill(~readable, -torch.inf)[:, None, None]
            mask = padding if mask is None else mask + padding
        return mask


@lru_cache(maxsize=2)  # every layer has the same mask
def causal_mask(T: int, S: int, window: int | None, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return (T, S): −∞ where the last T of S tokens may not read a token, 0 elsewhere."""
    with torch.inference_mode(False):  # so that training may use it too
        may_read = torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)  # rung 2: no future
        if window is not None:  # rung 13: a sliding window
            may_read = may_read.triu(S - T - window + 1)
        return torch.zeros(T, S, dtype=dtype, device=device).masked_fill(~may_read, -torch.inf)
