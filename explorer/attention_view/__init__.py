"""Every head of a model at once: a grid of patterns, one of them large, and lines between its tokens.

One Streamlit component (components v2). The patterns go to the browser as bytes, once per prompt and model; hovering,
locking and drawing happen there, and only the locked head comes back.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from explorer import state
from explorer.figures.style import MUTED, SEQUENTIAL, SEQUENTIAL_ON_DARK, head_color
from explorer.figures.tokens import visible

Head = tuple[int, int]

LEVELS = 65535  # a weight w travels as the 16-bit code LEVELS · ∛w: the cube root keeps small weights apart
LONGEST_TOKEN = 40  # characters of a token that are shown
TOLERANCE = 1e-3  # how far a weight may lie outside [0, 1], as half precision lets it

_HERE = Path(__file__).parent
_SCRIPTS = ("patterns.js", "paint.js", "heatmap.js", "lines.js", "grid.js", "input.js", "view.js")
_mount = st.components.v2.component(
    "attention_view",
    html=(_HERE / "view.html").read_text(encoding="utf-8"),
    css=(_HERE / "view.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
)


@dataclass
class _Lock:
    """The locked head as this session knows it, by the later word of two: the page's, or the person's click."""

    head: Head | None
    told: tuple[Head | None, int]  # what the page last wanted, and the click before it: the browser hears of no more
    at: int = 0  # the last click, in the browser's milliseconds
    clicked: bool = False  # whether a click has come in that has not been read yet


def attention_view(
    patterns: np.ndarray,
    tokens: Sequence[str],
    *,
    head: Head | None,
    key: str,
    causal: bool = True,
    grid_only: bool = False,
    opening: Head = (0, 0),
) -> Head | None:
    """Draw all heads and return the one that is locked, (layer, head), or None.

    patterns: (n_layer, n_head, T, T) probabilities, queries down, keys across, each row sums to 1. tokens: T strings.
    head: the head that the page wants locked. Hand in what was returned last: the person's click wins where it is newer,
    another value moves the lock, and None leaves it as it is. key: stable over reruns, so that new patterns keep what
    the person looks at. causal: the cells above the diagonal do not exist (they must be 0). grid_only: the small
    grid without the large heatmap and the lines. opening: the head that is shown large until the person looks at another.
    Raises ValueError on other shapes, weights outside [0, 1], or a head that is not there.
    Source: lecture 01:02:00; the view follows BertViz (Vig 2019) and CircuitsVis.
    """
    lock = _agree(state.recall(f"{key}:lock"), head)
    state.remember(f"{key}:lock", lock)
    options = {"key": key, "told": lock.told, "grid_only": grid_only, "opening": opening}
    result = _mount(
        key=key,
        data=pack(patterns, tokens, causal=causal, options=options, head=head),
        on_lock_change=partial(_heard, key),
    )
    if lock.clicked:
        lock.clicked = False
        said = result.get("lock") or {}
        lock.head, lock.at = _head_of(said.get("head"), patterns.shape), said.get("at", lock.at)
    return lock.head if lock.head is None or _fits(lock.head, patterns.shape) else None


def sharpest(patterns: np.ndarray) -> Head:
    """The head whose rows are most concentrated, the clearest to begin with. patterns: (n_layer, n_head, T, T)."""
    layer, head = np.unravel_index(patterns.max(-1).mean(-1).argmax(), patterns.shape[:2])
    return int(layer), int(head)


def pack(
    patterns: np.ndarray, tokens: Sequence[str], *, causal: bool, options: dict[str, Any], head: Head | None = None
) -> bytes:
    """The view's wire format: uint32 length of the header, the header as JSON, then one uint16 code a weight.

    A causal pattern is its lower triangle, row by row: n_layer · n_head · T · (T + 1) bytes. Codes are little-endian;
    weight = (code / 65535)³, off by at most 2.3e-5 (at 1), and by 0.03 % of itself at 0.001.
    """
    patterns = _checked(patterns, tokens, head, causal)
    n_layer, n_head, T, _ = patterns.shape
    weights = patterns[(..., *np.tril_indices(T))] if causal else patterns
    codes = np.rint(np.cbrt(np.clip(weights, 0, 1)) * LEVELS).astype("<u2")
    header = {
        "layers": n_layer,
        "heads": n_head,
        "causal": causal,
        "tokens": [_shortened(visible(token)) for token in tokens],
        "scale": {"light": SEQUENTIAL, "dark": SEQUENTIAL_ON_DARK},
        "colors": [head_color(index) for index in range(n_head)],
        "average": MUTED,
        **options,
    }
    encoded = json.dumps(header).encode()
    return struct.pack("<I", len(encoded)) + encoded + codes.tobytes()


def _checked(patterns: np.ndarray, tokens: Sequence[str], head: Head | None, causal: bool) -> np.ndarray:
    patterns = np.asarray(patterns, dtype=np.float32)
    shape = patterns.shape
    if patterns.ndim != 4 or shape[2] != shape[3] or 0 in shape:
        raise ValueError(f"patterns have shape {shape}; they must be (n_layer, n_head, T, T) with nothing empty")
    if len(tokens) != shape[2]:
        raise ValueError(f"patterns of shape {shape} need {shape[2]} tokens, not {len(tokens)}")
    if not (patterns.min() >= -TOLERANCE and patterns.max() <= 1 + TOLERANCE):
        raise ValueError(f"patterns reach from {patterns.min()} to {patterns.max()}; hand in probabilities, not scores")
    if causal and patterns[(..., *np.triu_indices(shape[2], 1))].any():
        raise ValueError("patterns look ahead of the diagonal; pass causal=False to show that")
    if head is not None and not _fits(head, shape):
        raise ValueError(f"there is no head {tuple(head)} in patterns of shape {shape}")
    return patterns


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TOKEN else text[: LONGEST_TOKEN - 1] + "…"


def _agree(lock: _Lock | None, head: Head | None) -> _Lock:
    """What holds when the page asks for `head`. What the browser knows already is not told again, nor sent again."""
    if lock is None:
        return _Lock(head, (head, 0))
    if not lock.clicked and head is not None and head != lock.head:
        return _Lock(head, (head, lock.at), lock.at)
    return lock


def _heard(key: str) -> None:
    lock = state.recall(f"{key}:lock")
    if lock is not None:
        lock.clicked = True


def _fits(head: Head, shape: tuple[int, ...]) -> bool:
    return all(0 <= index < size for index, size in zip(head, shape, strict=False))


def _head_of(said: Any, shape: tuple[int, ...]) -> Head | None:
    """The head that the browser named, or None for anything else that it may have sent."""
    if not isinstance(said, list) or len(said) != 2 or not all(isinstance(index, int) for index in said):
        return None
    return (said[0], said[1]) if _fits((said[0], said[1]), shape) else None
