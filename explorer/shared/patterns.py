"""One forward pass on a prompt: every head's pattern and the next token, computed once for all sessions."""

import math

import numpy as np

from explorer.opened import Opened
from explorer.shared.cache import cached

N_TOP = 12  # next tokens that are shown
MOST_PATTERNS = 128 * 2**20  # bytes of one prompt's patterns, float32
COPIES = 4  # of them in memory at once while they are computed, cached and sent

Ids = tuple[int, ...]


def pattern_bytes(opened: Opened, T: int, layers: int | None = None) -> int:
    """Return the bytes of the patterns of this many layers (None: all) on T tokens."""
    return 4 * (opened.config.n_layer if layers is None else layers) * opened.config.n_head * T * T


def layers_that_fit(opened: Opened, T: int) -> int:
    """Return how many layers' patterns on T tokens fit into `MOST_PATTERNS`: 0 to n_layer."""
    return min(opened.config.n_layer, MOST_PATTERNS // pattern_bytes(opened, T, 1))


def tokens_that_fit(opened: Opened, layers: int | None = None) -> int:
    """Return the most tokens on which the patterns of this many layers (None: all) fit into `MOST_PATTERNS`."""
    return math.isqrt(MOST_PATTERNS // max(1, pattern_bytes(opened, 1, layers)))


def attention(opened: Opened, ids: Ids, layers: tuple[int, ...] | None = None) -> np.ndarray:
    """Return every head's pattern on these tokens: (n_layer, n_head, T, T) float32; (0, 0, T, T) without heads.

    ids: 1 to block_size of them. layers: those that are computed (None: all); the others are zero, and take no memory.
    Raises ValueError if the model cannot be opened, and, before memory is spent, if the patterns do not fit.
    """
    need = pattern_bytes(opened, len(ids), None if layers is None else len(layers))
    if need > MOST_PATTERNS:
        from gpt.machine import bytes_in_words

        fit, tokens = layers_that_fit(opened, len(ids)), tokens_that_fit(opened)
        fewer = f"look at {fit} layers at a time on the Attention page, or " if fit else ""
        raise ValueError(
            f"the patterns on {len(ids):,} tokens take {bytes_in_words(need)}, and {COPIES} times that while they are "
            f"drawn; up to {bytes_in_words(MOST_PATTERNS)} are: {fewer}shorten the prompt to {tokens:,} tokens"
        )
    patterns = _forward(opened, ids, layers)[0]
    if layers is None:
        return patterns
    whole = np.zeros((opened.config.n_layer, *patterns.shape[1:]), np.float32)
    whole[list(layers)] = patterns
    return whole


def next_token(opened: Opened, ids: Ids) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the likeliest next tokens and their probabilities, largest first: `N_TOP` strings, (N_TOP,) float32.

    ids: 1 to block_size of them. Raises ValueError if the model cannot be opened.
    """
    probabilities = _forward(opened, ids, None if pattern_bytes(opened, len(ids)) <= MOST_PATTERNS else ())[1]
    likeliest = np.argsort(-probabilities, kind="stable")[:N_TOP]
    return tuple(opened.tokenizer.tokens(likeliest.tolist())), probabilities[likeliest]


@cached(max_entries=64, max_size="256MB")
def _forward(opened: Opened, ids: Ids, layers: tuple[int, ...] | None) -> tuple[np.ndarray, np.ndarray]:
    import torch

    model = opened.model
    names = [
        f"blocks.{layer}.attn.hook_pattern" for layer in (range(model.config.n_layer) if layers is None else layers)
    ]
    with torch.inference_mode():
        logits, cache = model.run_with_cache(torch.tensor([ids]), names)
        probabilities = logits[0, -1].softmax(-1).numpy()
    patterns = [pattern[0] for pattern in cache.numpy().values()]  # each (n_head, T, T), in the order of the layers
    return np.stack(patterns) if patterns else np.zeros((0, 0, len(ids), len(ids)), np.float32), probabilities
