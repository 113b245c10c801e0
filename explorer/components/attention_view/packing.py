"""The messages that the attention view gets: a header with all heads, small patterns, and a layer in full."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.components.attention_view.encoding import LEVELS, Average, Encoded, Head, bins_of, encode, encode_weights
from explorer.figures.style import MUTED, head_colors
from explorer.figures.tokens import head_name, visible

Cell = tuple[int, int]  # query, key

LONGEST_TOKEN = 40  # characters of a token that are shown
TOLERANCE = 1e-3  # how far a weight may be outside [0, 1], because of half precision


def sharpest(patterns: np.ndarray) -> Head:
    """Find the head with the most concentrated rows. patterns: (n_layer, n_head, T, S)."""
    return encode(patterns.__getitem__, len(patterns), causal=False, at_once=True).opening


def example(pattern: np.ndarray) -> Cell:
    """Return the (query, key) of the largest weight in the middle row. pattern: (T, S).

    The first rows of a causal pattern say little: the first query can read only itself, with a weight of 1.
    """
    query = len(pattern) // 2
    return query, int(encode_weights(pattern[query]).argmax())


def displayed(weight: float) -> float:
    """The weight as the view shows it: rounded to a 16-bit code."""
    return (int(encode_weights(np.float32(weight))) / LEVELS) ** 3


def pack(
    encoded: Encoded,
    tokens: Sequence[str],
    *,
    options: Mapping[str, Any],
    head: Head | None = None,
    cell: Cell | None = None,
    keys: Sequence[str] | None = None,
    captions: Mapping[Head, str] | None = None,
) -> bytes:
    """Pack a header and the weights: uint32 length of the header, the header as JSON, then the codes.

    The header's "tokens" are the queries, its "keys" the keys, or null where they are the same. A causal pattern is its
    lower triangle, row by row. Full codes are uint16, little-endian; weight = (code / 65535)³, off by at most 2.3e-5
    (at 1), and by 0.03 % of itself at 0.001: n_layer · n_head · T · (T + 1) bytes for a causal model.
    Where that is too much, there are no codes: the header's "bins" say how many queries and keys share a cell of the
    small patterns, which `pack_small` packs.
    options: further entries of the header. Other arguments, and ValueErrors: see `attention_view`.
    """
    n_layer, n_head = encoded.shape[:2]
    named = [("head", each, (n_layer, n_head)) for each in (head, *(captions or ()))]
    for name, pair, sizes in (*named, ("cell", cell, encoded.shape[2:])):
        if pair is not None and not fits(pair, sizes):
            raise ValueError(f"there is no {name} {tuple(pair)} in patterns of shape {encoded.shape}")
    header = {
        "part": "view",
        "layers": len(encoded.layers),
        "kept": encoded.layers,
        "heads": n_head,
        "causal": encoded.causal,
        "bins": None if encoded.small is None else bins_of(encoded.shape[2:]),
        "stamp": encoded.stamp,
        "tokens": shorten(tokens),
        "keys": None if keys is None else shorten(keys),
        "colors": head_colors(range(n_head)),
        "average": MUTED,
        "captions": {head_name(*place): caption for place, caption in (captions or {}).items()},
        **encoded.header(),
        **options,
    }
    return _message(header, *(map(encoded.codes, encoded.layers) if encoded.small is None else ()))


def pack_small(encoded: Encoded, key: str) -> bytes:
    """Pack the small patterns for the view of this key, one byte a cell.

    They are those of all layers and their average, by all heads and their average.
    """
    codes = np.zeros(0) if encoded.small is None else encoded.small
    return _message({"key": key, "part": "small", "stamp": encoded.stamp}, codes)


def pack_layer(encoded: Encoded, key: str, layer: int | Average, head: int | None = None) -> bytes:
    """Pack the full codes of a layer for the view of this key, as `pack` does: n_head · cells uint16 codes.

    head: pack only the cells of this one.
    """
    codes = encoded.codes(layer)
    header = {"key": key, "part": "layer", "stamp": encoded.stamp, "layer": layer, "head": head}
    return _message(header, codes if head is None else codes[head])


def _message(header: Mapping[str, Any], *codes: np.ndarray) -> bytes:
    encoded = json.dumps(header).encode()
    return b"".join((struct.pack("<I", len(encoded)), encoded, *(each.tobytes() for each in codes)))


def check_patterns(
    patterns: np.ndarray, tokens: Sequence[str], keys: Sequence[str] | None = None, *, causal: bool = True
) -> np.ndarray:
    """Return patterns as float32. Raises ValueError where they are no patterns of these tokens."""
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
