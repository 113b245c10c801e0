"""The patterns as the attention view gets them: one message of bytes, and the weights that it shows."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures.style import MUTED, SEQUENTIAL, SEQUENTIAL_ON_DARK, head_colors
from explorer.figures.tokens import head_name, visible

Head = tuple[int, int]  # layer, head
Cell = tuple[int, int]  # query, key

LEVELS = 65535  # a weight w travels as the 16-bit code LEVELS · ∛w: the cube root keeps small weights apart
LONGEST_TOKEN = 40  # characters of a token that are shown
TOLERANCE = 1e-3  # how far a weight may be outside [0, 1], because of half precision


def sharpest(patterns: np.ndarray) -> Head:
    """Find the head with the most concentrated rows. patterns: (n_layer, n_head, T, S)."""
    layer, head = np.unravel_index(patterns.max(-1).mean(-1).argmax(), patterns.shape[:2])
    return int(layer), int(head)


def example(pattern: np.ndarray) -> Cell:
    """Return the (query, key) of the largest weight in the middle row. pattern: (T, S).

    The first rows of a causal pattern say little: the first query can read only itself, with a weight of 1.
    """
    query = len(pattern) // 2
    return query, int(_codes(pattern[query]).argmax())


def displayed(weight: float) -> float:
    """The weight as the view shows it: rounded to a 16-bit code."""
    return (int(_codes(np.float32(weight))) / LEVELS) ** 3


def pack(
    patterns: np.ndarray,
    tokens: Sequence[str],
    *,
    causal: bool,
    options: Mapping[str, Any],
    head: Head | None = None,
    cell: Cell | None = None,
    layers: Sequence[int] | None = None,
    keys: Sequence[str] | None = None,
    captions: Mapping[Head, str] | None = None,
) -> bytes:
    """Pack a header and the weights: uint32 length of the header, the header as JSON, then one uint16 code per weight.

    The header's "tokens" are the queries, its "keys" the keys, or null where they are the same. A causal pattern is its
    lower triangle, row by row: n_layer · n_head · T · (T + 1) bytes. Codes are little-endian; weight = (code / 65535)³,
    off by at most 2.3e-5 (at 1), and by 0.03 % of itself at 0.001.
    options: further entries of the header. Other arguments, and ValueErrors: see `attention_view`.
    """
    weights = check_patterns(patterns if layers is None else patterns[list(layers)], tokens, keys, causal)
    n_layer, n_head = patterns.shape[:2]
    indices = range(n_layer) if layers is None else layers
    named = [("head", each, (n_layer, n_head)) for each in (head, *(captions or ()))]
    for name, pair, sizes in (*named, ("cell", cell, patterns.shape[2:])):
        if pair is not None and not fits(pair, sizes):
            raise ValueError(f"there is no {name} {tuple(pair)} in patterns of shape {patterns.shape}")
    codes = _codes(weights[(..., *np.tril_indices(len(tokens)))] if causal else weights)
    header = {
        "layers": len(indices),
        "kept": list(indices),
        "heads": n_head,
        "causal": causal,
        "tokens": shorten(tokens),
        "keys": None if keys is None else shorten(keys),
        "scale": {"light": SEQUENTIAL, "dark": SEQUENTIAL_ON_DARK},
        "colors": head_colors(range(n_head)),
        "average": MUTED,
        "captions": {head_name(*place): caption for place, caption in (captions or {}).items()},
        **options,
    }
    encoded = json.dumps(header).encode()
    return struct.pack("<I", len(encoded)) + encoded + codes.tobytes()


def _codes(weights: np.ndarray | np.floating) -> np.ndarray:
    return np.rint(np.cbrt(np.clip(weights, 0, 1)) * LEVELS).astype("<u2")


def check_patterns(patterns: np.ndarray, tokens: Sequence[str], keys: Sequence[str] | None, causal: bool) -> np.ndarray:
    patterns = np.asarray(patterns, dtype=np.float32)
    shape = patterns.shape
    square = "(n_layer, n_head, T, T)" if keys is None or causal else "(n_layer, n_head, T, S)"
    if patterns.ndim != 4 or 0 in shape or (shape[2] != shape[3] and "S" not in square):
        raise ValueError(f"patterns have shape {shape}; they must be {square} with nothing empty")
    for axis, name, given in ((2, "tokens", tokens), (3, "keys", tokens if keys is None else keys)):
        if len(given) != shape[axis]:
            raise ValueError(f"patterns of shape {shape} need {shape[axis]} {name}, not {len(given)}")
    if not (patterns.min() >= -TOLERANCE and patterns.max() <= 1 + TOLERANCE):
        raise ValueError(f"patterns reach from {patterns.min()} to {patterns.max()}; pass probabilities, not scores")
    if causal and patterns[(..., *np.triu_indices(shape[2], 1))].any():
        raise ValueError("patterns look ahead of the diagonal; pass causal=False to show that")
    return patterns


def shorten(tokens: Sequence[str]) -> list[str]:
    """The tokens with visible spaces and newlines, cut to `LONGEST_TOKEN` characters."""
    texts = map(visible, tokens)
    return [text if len(text) <= LONGEST_TOKEN else text[: LONGEST_TOKEN - 1] + "…" for text in texts]


def fits(place: Sequence[int], sizes: Sequence[int]) -> bool:
    """Whether this head or cell exists in patterns of these sizes."""
    return all(0 <= index < size for index, size in zip(place, sizes, strict=True))
