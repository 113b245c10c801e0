"""One forward pass on a prompt: every head's pattern and the next token, computed once for all sessions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.opened import Opened
from explorer.shared.cache import cached

if TYPE_CHECKING:
    from torch import Tensor

N_TOP = 12  # next tokens that are shown
MOST_PATTERNS = 128 * 2**20  # bytes of one prompt's patterns, float32
COPIES = 2  # of them in memory at once while a page draws them
FEW = 4 * 2**20  # bytes of one prompt's patterns up to which those of many prompts are kept

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Recording:
    """What one forward pass on a prompt computed. All sessions share it: look, do not change."""

    patterns: Mapping[int, np.ndarray]  # layer → (n_head, T, T) float32
    probabilities: np.ndarray  # (vocab_size,) of the next token


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

    A copy, which the caller may change. Arguments and ValueErrors: see `record`. Layers that are not asked for are
    zero, and take no memory.
    """
    patterns, T = record(opened, ids, layers).patterns, len(ids)
    if len(patterns) == opened.config.n_layer:
        return np.stack([*patterns.values()]) if patterns else np.zeros((0, 0, T, T), np.float32)
    whole = np.zeros((opened.config.n_layer, opened.config.n_head, T, T), np.float32)
    for layer, pattern in patterns.items():
        whole[layer] = pattern
    return whole


def record(opened: Opened, ids: Ids, layers: tuple[int, ...] | None = None) -> Recording:
    """Return every head's pattern on these tokens, and the next token's probabilities, from one forward pass.

    ids: 1 to block_size of them. layers: those whose patterns are kept (None: all).
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
    return (_small_recording if need <= FEW else _large_recording)(opened, ids, layers)


def next_token(opened: Opened, ids: Ids) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the likeliest next tokens and their probabilities, largest first: `N_TOP` strings, (N_TOP,) float32.

    ids: 1 to block_size of them. Raises ValueError if the model cannot be opened.
    """
    fit = pattern_bytes(opened, len(ids)) <= MOST_PATTERNS
    probabilities = record(opened, ids, None if fit else ()).probabilities
    likeliest = np.argsort(-probabilities, kind="stable")[:N_TOP]
    return tuple(opened.tokenizer.tokens(likeliest.tolist())), probabilities[likeliest]


@cached(max_entries=64, shared=True)
def _small_recording(opened: Opened, ids: Ids, layers: tuple[int, ...] | None) -> Recording:
    return forward(opened, ids, layers)


@cached(max_entries=2, shared=True)
def _large_recording(opened: Opened, ids: Ids, layers: tuple[int, ...] | None) -> Recording:
    return forward(opened, ids, layers)


def forward(opened: Opened, ids: Ids, layers: tuple[int, ...] | None) -> Recording:
    """Run the model on these tokens, and return what it computed. Nothing is kept for the next caller."""
    import torch

    model, patterns = opened.model, {}
    kept = range(model.config.n_layer) if layers is None else layers

    def keep(pattern: "Tensor", name: str) -> None:
        patterns[name] = pattern[0].float().numpy()

    names = {f"blocks.{layer}.attn.hook_pattern": layer for layer in kept}
    with torch.inference_mode(), model.hooks(dict.fromkeys(names, keep)):
        probabilities = model.next_logits(torch.tensor([ids]))[0].softmax(-1).numpy()
    return Recording({layer: patterns[name] for name, layer in names.items()}, probabilities)
