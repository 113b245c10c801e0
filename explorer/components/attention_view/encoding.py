"""Patterns in the codes that the attention view sends: all at once, or small ones first and full ones on demand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, ClassVar, Literal

import numpy as np

from explorer.figures.style import SEQUENTIAL, SEQUENTIAL_ON_DARK

Head = tuple[int, int]  # layer, head
Average = Literal["avg"]  # in place of a layer or a head: the mean of all
AVERAGE: Average = "avg"

LEVELS = 65535  # a weight w travels as the 16-bit code LEVELS · ∛w: the cube root keeps small weights apart
SMALL_LEVELS = 255  # of a small pattern; a small code times 257 is a full one
SMALL_SIDE = 64  # most cells on a side of a small pattern
AT_ONCE = 500_000  # bytes of full codes up to which a view sends them all at once


@dataclass(frozen=True)
class Encoded:
    """Every head's pattern as the view sends it. Make one with `encode`."""

    shape: tuple[int, ...]  # (n_layer, n_head, T, S) of the model's patterns
    causal: bool
    layers: tuple[int, ...]  # that are drawn
    full: Callable[[int], np.ndarray]  # layer → (n_head, T, S) weights
    opening: Head  # the head with the most concentrated rows
    whole: Mapping[int | Average, np.ndarray] = field(
        default_factory=dict
    )  # layer → its codes, if all are sent at once
    small: np.ndarray | None = None  # (drawn + 1, n_head + 1, cells) uint8, averages last; None: all is sent at once
    mean: np.ndarray | None = None  # (n_head, T, S) over the drawn layers, where there are small patterns
    stamp: str = ""  # of these small patterns
    single: ClassVar[bool] = True  # whether a head's full codes may come without the rest of its layer

    def header(self) -> dict[str, Any]:
        """Return the entries of the view's header that depend on what the codes mean."""
        return {"scale": {"light": SEQUENTIAL, "dark": SEQUENTIAL_ON_DARK}}

    def codes(self, layer: int | Average) -> np.ndarray:
        """Return the full codes of a layer's heads, or of the mean over the layers: (n_head, cells) uint16."""
        if layer in self.whole:
            return self.whole[layer]
        weights = self.full(layer) if isinstance(layer, int) else self.mean
        if weights is None:
            raise ValueError("this view gets all patterns at once and averages the layers itself")
        return encode_weights(existing(weights, self.causal))


def encode(
    full: Callable[[int], np.ndarray],
    n_layer: int,
    *,
    causal: bool,
    layers: Sequence[int] | None = None,
    at_once: bool = False,
) -> Encoded:
    """Encode patterns for the view. They are read layer by layer and not copied as a whole.

    full: layer → (n_head, T, S) weights; the view calls it again for a layer that somebody looks at. layers: those that
    are drawn (None: all). at_once: send all full codes, however many.
    """
    drawn = tuple(range(n_layer) if layers is None else layers)
    sharpness, small, total, shape = [], [], np.zeros(()), ()
    whole: dict[int | Average, np.ndarray] = {}
    for layer in drawn:
        patterns = full(layer)
        shape = patterns.shape
        sharpness.append(patterns.max(-1).mean(-1))  # (n_head,)
        if at_once or bytes_of(shape, len(drawn), causal) <= AT_ONCE:
            whole[layer] = encode_weights(existing(patterns, causal))
        else:
            small.append(_shrink_layer(patterns, causal))
            total = total + patterns
    place, head = np.unravel_index(np.argmax(sharpness), np.shape(sharpness))
    opening = (drawn[place], int(head))
    encoded = Encoded((n_layer, *shape), causal, drawn, full, opening, whole)
    if not small:
        return encoded
    mean = total / len(drawn)
    codes = np.stack([*small, _shrink_layer(mean, causal)])
    return replace(encoded, small=codes, mean=mean, stamp=blake2b(codes.tobytes(), digest_size=8).hexdigest())


def bytes_of(shape: Sequence[int], n_layer: int, causal: bool) -> int:
    """Return the bytes of all full codes. shape: (n_head, T, S) of a layer."""
    n_head, T, S = shape
    return 2 * n_layer * n_head * (T * (T + 1) // 2 if causal else T * S)


def encode_weights(weights: np.ndarray | np.floating, levels: int = LEVELS) -> np.ndarray:
    """Return the codes of weights, little-endian: uint16, or uint8 for at most 255 levels."""
    codes = np.rint(np.cbrt(np.clip(weights, 0, 1)) * levels)
    return codes.astype("<u2" if levels > SMALL_LEVELS else np.uint8)


def existing(patterns: np.ndarray, causal: bool) -> np.ndarray:
    """Return the weights that exist, row by row: (…, T, S) → (…, cells), the lower triangle of a causal pattern."""
    T, S = patterns.shape[-2:]
    return patterns[(..., *np.tril_indices(T))] if causal else patterns.reshape(*patterns.shape[:-2], T * S)


def bins_of(sizes: Sequence[int]) -> tuple[int, int]:
    """Return how many queries and keys share a cell of a small pattern of T queries and S keys."""
    T, S = sizes
    return -(-T // SMALL_SIDE), -(-S // SMALL_SIDE)


def shrink(patterns: np.ndarray) -> np.ndarray:
    """Return patterns of at most `SMALL_SIDE` cells a side: (n, T, S) → (n, T', S'). A cell has its largest weight."""
    n, *sizes = patterns.shape
    bins = bins_of(sizes)
    padding = [(0, -size % bin) for size, bin in zip(sizes, bins, strict=True)]
    padded = np.pad(patterns, [(0, 0), *padding]) if any(after for _, after in padding) else patterns
    blocks = padded.reshape(n, padded.shape[1] // bins[0], bins[0], padded.shape[2] // bins[1], bins[1])
    return blocks.max(2).max(-1)


def _shrink_layer(patterns: np.ndarray, causal: bool) -> np.ndarray:
    """Return the small codes of a layer's heads and of their average: (n_head + 1, cells) uint8."""
    pooled = shrink(np.concatenate((patterns, patterns.mean(0, keepdims=True))))
    return encode_weights(existing(pooled, causal), SMALL_LEVELS)
