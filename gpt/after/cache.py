"""The KV cache: the next token's logits with and without it, and what both cost.

Source: Shazeer 2019, arXiv:1911.02150 (the cache's bytes, and one key and value head for all queries); Ainslie et al.
2023, arXiv:2305.13245 (groups of queries).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gpt.model.attention import KVCache
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT

REPEATS = 5  # measurements of a time


@dataclass(frozen=True)
class BothWays:
    """The logits of the token after a text, computed in two ways, and the cache after it."""

    recomputed: Tensor  # (vocab_size,), from the whole text
    reused: Tensor  # (vocab_size,), from the last token and the cache of those before it
    keys: Tensor  # (n_layer, n_kv_head, T, d_head)
    values: Tensor  # (n_layer, n_kv_head, T, d_head)

    @property
    def difference(self) -> float:
        """The largest difference between the two."""
        return float((self.recomputed - self.reused).abs().max())


@torch.inference_mode()
def read_both_ways(model: GPT, idx: Tensor) -> BothWays:
    """Read a text at once, and token by token with a cache. idx: (T,) ids, T ≥ 1, at most block_size."""
    past = model.new_cache()
    reused = torch.stack([model(token.view(1, 1), past)[0, -1] for token in idx])[-1]
    keys, values = torch.cat([cache.k for cache in past]), torch.cat([cache.v for cache in past])
    return BothWays(model(idx[None])[0, -1], reused, keys, values)


def multiplications(config: GPTConfig, read: int, keys: int) -> int:
    """Count the multiplications of the matrix products that read `read` tokens, each a query of `keys` keys.

    The scores of all pairs are counted, also those that the mask hides.
    """
    C, width = config.n_embd, config.n_head * config.d_head
    matrices = C * (width + 2 * config.n_kv_head * config.d_head)
    if config.projection:
        matrices += width * C
    if config.mlp:
        matrices += C * config.mlp_width * (1 + config.gated + config.projection)
    attention = 2 * width * keys  # q · k, and the weighted sum of v
    return read * (config.n_layer * (matrices + attention) + C * config.vocab_size)


def cache_bytes(n_layer: int, n_kv_head: int, d_head: int, tokens: int, number: int = 2) -> int:
    """Return the bytes of a cache: a key and a value for each layer, head and token. number: bytes of one number.

    >>> cache_bytes(n_layer=30, n_kv_head=3, d_head=64, tokens=1)  # SmolLM2-135M
    23040
    """
    return 2 * n_layer * n_kv_head * d_head * tokens * number


@torch.inference_mode()
def time_both_ways(model: GPT, lengths: Sequence[int]) -> Iterator[tuple[float, float]]:
    """Yield the seconds of one more token in a text of each length: without the cache, with the cache.

    The shortest of `REPEATS` measurements, which take turns: a busy machine slows both.
    """
    for length in lengths:
        idx = torch.arange(length)[None] % model.config.vocab_size
        past = model.new_cache()
        model(idx, past)
        ways = partial(model, idx), partial(_read_last, model, idx, past)
        times = [[_seconds(compute) for compute in ways] for _ in range(REPEATS)]
        recomputed, reused = map(min, zip(*times, strict=True))
        yield recomputed, reused


def _read_last(model: GPT, idx: Tensor, past: list[KVCache]) -> Tensor:
    """Read the last token once more, with the cache of those before it."""
    for cache in past:
        cache.length = idx.size(1) - 1
    return model(idx[:, -1:], past)


def _seconds(compute: Callable[[], object]) -> float:
    began = time.perf_counter()
    compute()
    return time.perf_counter() - began


@dataclass(frozen=True)
class Shape:
    """The sizes of a model that its cache depends on. Source: the model's config.json."""

    n_layer: int
    n_head: int
    n_kv_head: int
    d_head: int
    context: int  # tokens

    def bytes(self, tokens: int, n_kv_head: int | None = None) -> int:
        """Return the bytes of its cache in 16-bit numbers, or with another number of key and value heads."""
        return cache_bytes(self.n_layer, n_kv_head or self.n_kv_head, self.d_head, tokens)


PUBLISHED = {
    "GPT-2": Shape(n_layer=12, n_head=12, n_kv_head=12, d_head=64, context=1024),
    "SmolLM2-135M": Shape(n_layer=30, n_head=9, n_kv_head=3, d_head=64, context=8192),
    "Qwen2.5-0.5B": Shape(n_layer=24, n_head=14, n_kv_head=2, d_head=64, context=32768),
    "Llama 3 8B": Shape(n_layer=32, n_head=32, n_kv_head=8, d_head=128, context=8192),
    "Llama 2 70B": Shape(n_layer=80, n_head=64, n_kv_head=8, d_head=128, context=4096),
}
