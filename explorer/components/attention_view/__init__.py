"""Every head of a model at once: a grid of patterns, one of them large, and lines between its tokens.

One Streamlit component (components v2). The patterns go to the browser as bytes, once per prompt and model; hovering,
locking and drawing happen there, and only the locked head and the pinned cell come back.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from explorer import state
from explorer.figures.style import MUTED, SEQUENTIAL, SEQUENTIAL_ON_DARK, head_color
from explorer.figures.tokens import head_name, visible

Head = tuple[int, int]
Cell = tuple[int, int]

LEVELS = 65535  # a weight w travels as the 16-bit code LEVELS · ∛w: the cube root keeps small weights apart
SHARES = (0.5, 0.75, 0.9, 0.99, 1)  # of a row, as the view offers them
AVERAGE = "avg"  # in place of a layer or a head: the mean of all
LONGEST_TOKEN = 40  # characters of a token that are shown
TOLERANCE = 1e-3  # how far a weight may lie outside [0, 1], as half precision lets it

_HERE = Path(__file__).parent
_SCRIPTS = ("patterns.js", "paint.js", "heatmap.js", "zoom.js", "lines.js", "grid.js", "tip.js", "input.js", "view.js")
_mount = st.components.v2.component(
    "attention_view",
    html=(_HERE / "view.html").read_text(encoding="utf-8"),
    css=(_HERE / "view.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
)


class Lines(NamedTuple):
    """How the view draws its lines."""

    compared: tuple[tuple[int | str, int | str], ...] = ()  # (layer, head) whose lines are added; "avg" is all of them
    share: float = 0.9  # of each row that the lines cover, of `SHARES`


PLAIN_LINES = Lines()


class Looked(NamedTuple):
    """What a person looks at in the view."""

    head: Head | None  # the locked (layer, head)
    cell: (
        Cell | None
    )  # the pinned (query, key), which the mask may have taken out; of a pinned token, its largest weight
    shown: Head  # the head that stands large while the pointer is elsewhere: the locked one, or the last that was
    lines: Lines


@dataclass
class _Lock:
    """What is locked and pinned as this session knows it, by the later word of two: the page's, or the person's click."""

    head: Head | None
    cell: Cell | None
    told: tuple[Head | None, int, Cell | None]  # what the page last wanted, with the click before it between the two
    shown: Head
    at: int = 0  # the last click, in the browser's milliseconds
    clicked: bool = False  # whether a click has come in that has not been read yet
    lines: Lines = PLAIN_LINES
    told_lines: tuple[Any, ...] | None = None  # the lines that the page last wanted, and the click before it

    def hear(self, said: dict[str, Any], shape: tuple[int, ...]) -> None:
        """Take over what the browser said."""
        self.clicked = False
        self.head, self.cell = (_pair_of(said.get(name), *sizes) for name, sizes in _sizes(shape))
        self.lines = _lines_of(said.get("lines"), *shape[:2]) or self.lines
        self.at = said.get("at", self.at)

    def forget(self, shape: tuple[int, ...], opening: Head) -> None:
        """Let go of what patterns of this shape do not have."""
        for name, sizes in _sizes(shape):
            if getattr(self, name) is not None and not _fits(getattr(self, name), *sizes):
                setattr(self, name, None)
        self.shown = self.head or (self.shown if _fits(self.shown, *shape[:2]) else opening)
        self.lines = self.lines._replace(
            compared=tuple(pair for pair in self.lines.compared if _can_compare(pair, *shape[:2]))
        )

    def draw(self, lines: Lines) -> None:
        """Take over the lines that the page asks for, unless a click is newer."""
        if not self.clicked and lines != self.lines:
            self.lines, self.told_lines = lines, (*lines, self.at)


def attention_view(
    patterns: np.ndarray,
    tokens: Sequence[str],
    *,
    head: Head | None,
    cell: Cell | None = None,
    lines: Lines | None = None,
    key: str,
    causal: bool = True,
    grid_only: bool = False,
    opening: Head = (0, 0),
    layers: Sequence[int] | None = None,
    keys: Sequence[str] | None = None,
    captions: Mapping[Head, str] | None = None,
    explained: str | None = None,
) -> Looked:
    """Draw all heads and return what the person looks at.

    patterns: (n_layer, n_head, T, S) probabilities, queries down, keys across, each row sums to 1. tokens: the T queries;
    keys: the S tokens that are read, where they are not the same (cross-attention).
    head, cell: the (layer, head) that the page wants locked and the (query, key) that it wants pinned. Hand in what was
    returned last: the person's click wins where it is newer, another value moves it, and None leaves it as it is.
    lines: the lines that the page wants, in the same way.
    key: stable over reruns, so that new patterns keep what the person looks at. causal: the cells above the diagonal do not
    exist (they must be 0, and T = S). grid_only: the small grid without the large heatmap and the lines. opening: the head that is
    shown large until the person looks at another. layers: those that are drawn, which must have the heads that are named; None: all.
    captions: (layer, head) → what that head does, in one to three words; of equal captions the strongest head comes first.
    explained: the key of the container on the page that explains a pinned weight; the view links to it.
    Raises ValueError on other shapes, weights outside [0, 1], or a head or cell that is not there.
    Source: lecture 01:02:00; the view follows BertViz (Vig 2019) and CircuitsVis.
    """
    lock = _agree(state.recall(f"{key}:lock"), head, cell, opening)
    state.remember(f"{key}:lock", lock)
    if lines is not None:
        lock.draw(lines)
    options = {"key": key, "told": lock.told, "lines": lock.told_lines, "grid_only": grid_only, "opening": opening}
    options |= {"explained": explained}
    shown = {"causal": causal, "head": head, "cell": cell, "layers": layers, "keys": keys, "captions": captions}
    result = _mount(key=key, data=pack(patterns, tokens, options=options, **shown), on_lock_change=partial(_heard, key))
    if lock.clicked:
        lock.hear(result.get("lock") or {}, patterns.shape)
    lock.forget(patterns.shape, opening)
    if layers is not None and lock.shown[0] not in layers:
        lock.shown = opening
    return Looked(lock.head, lock.cell, lock.shown, lock.lines)


def release(key: str) -> None:
    """Let go of what is locked and pinned in the view of this key: the next `attention_view` begins with what the page asks for."""
    state.remember(f"{key}:lock", None)


def sharpest(patterns: np.ndarray) -> Head:
    """The head whose rows are most concentrated, the clearest to begin with. patterns: (n_layer, n_head, T, S)."""
    layer, head = np.unravel_index(patterns.max(-1).mean(-1).argmax(), patterns.shape[:2])
    return int(layer), int(head)


def example(pattern: np.ndarray) -> Cell:
    """The (query, key) that is explained until one is chosen: where the middle query reads most. pattern: (T, S).

    A causal pattern's first queries are trivial: the very first can read nothing but itself, with a weight of 1.
    """
    query = len(pattern) // 2
    return query, int(_codes(pattern[query]).argmax())


def displayed(weight: float) -> float:
    """The weight as the view shows it, after its travel as a code."""
    return (int(_codes(np.float32(weight))) / LEVELS) ** 3


def written(weight: float) -> str:
    """The weight as the view writes it.

    >>> written(0.25), written(0.00123456), written(0.0000001)
    ('0.2500', '0.00123', '1.0e-7')
    """
    if weight == 0 or weight >= 0.01:
        return f"{weight:.4f}" if weight else "0"
    if weight < 1e-5:
        digits, power = f"{weight:.1e}".split("e")
        return f"{digits}e{int(power)}"
    return f"{weight:.{2 - math.floor(math.log10(weight))}f}"


def pack(
    patterns: np.ndarray,
    tokens: Sequence[str],
    *,
    causal: bool,
    options: dict[str, Any],
    head: Head | None = None,
    cell: Cell | None = None,
    layers: Sequence[int] | None = None,
    keys: Sequence[str] | None = None,
    captions: Mapping[Head, str] | None = None,
) -> bytes:
    """The view's wire format: uint32 length of the header, the header as JSON, then one uint16 code a weight.

    The header's "tokens" are the queries, its "keys" the keys, or null where they are the same. A causal pattern is its lower
    triangle, row by row: n_layer · n_head · T · (T + 1) bytes. Codes are little-endian; weight = (code / 65535)³, off by at
    most 2.3e-5 (at 1), and by 0.03 % of itself at 0.001.
    """
    drawn = _checked(patterns if layers is None else patterns[list(layers)], tokens, keys, causal)
    n_layer, n_head = patterns.shape[:2]
    kept = range(n_layer) if layers is None else layers
    named = [("head", each, (n_layer, n_head)) for each in (head, *(captions or ()))]
    for name, pair, sizes in (*named, ("cell", cell, patterns.shape[2:])):
        if pair is not None and not _fits(pair, *sizes):
            raise ValueError(f"there is no {name} {tuple(pair)} in patterns of shape {patterns.shape}")
    codes = _codes(drawn[(..., *np.tril_indices(len(tokens)))] if causal else drawn)
    header = {
        "layers": len(kept),
        "kept": list(kept),
        "heads": n_head,
        "causal": causal,
        "tokens": _shown(tokens),
        "keys": None if keys is None else _shown(keys),
        "scale": {"light": SEQUENTIAL, "dark": SEQUENTIAL_ON_DARK},
        "colors": {
            theme: [head_color(index, on_dark=theme == "dark") for index in range(n_head)]
            for theme in ("light", "dark")
        },
        "average": MUTED,
        "captions": {head_name(*place): caption for place, caption in (captions or {}).items()},
        **options,
    }
    encoded = json.dumps(header).encode()
    return struct.pack("<I", len(encoded)) + encoded + codes.tobytes()


def _codes(weights: np.ndarray) -> np.ndarray:
    return np.rint(np.cbrt(np.clip(weights, 0, 1)) * LEVELS).astype("<u2")


def _checked(patterns: np.ndarray, tokens: Sequence[str], keys: Sequence[str] | None, causal: bool) -> np.ndarray:
    patterns = np.asarray(patterns, dtype=np.float32)
    shape = patterns.shape
    square = "(n_layer, n_head, T, T)" if keys is None or causal else "(n_layer, n_head, T, S)"
    if patterns.ndim != 4 or 0 in shape or (shape[2] != shape[3] and "S" not in square):
        raise ValueError(f"patterns have shape {shape}; they must be {square} with nothing empty")
    for axis, name, given in ((2, "tokens", tokens), (3, "keys", tokens if keys is None else keys)):
        if len(given) != shape[axis]:
            raise ValueError(f"patterns of shape {shape} need {shape[axis]} {name}, not {len(given)}")
    if not (patterns.min() >= -TOLERANCE and patterns.max() <= 1 + TOLERANCE):
        raise ValueError(f"patterns reach from {patterns.min()} to {patterns.max()}; hand in probabilities, not scores")
    if causal and patterns[(..., *np.triu_indices(shape[2], 1))].any():
        raise ValueError("patterns look ahead of the diagonal; pass causal=False to show that")
    return patterns


def _shown(tokens: Sequence[str]) -> list[str]:
    """The tokens as they are written: visible, and none too long."""
    texts = map(visible, tokens)
    return [text if len(text) <= LONGEST_TOKEN else text[: LONGEST_TOKEN - 1] + "…" for text in texts]


def _agree(lock: _Lock | None, head: Head | None, cell: Cell | None, opening: Head) -> _Lock:
    """What holds when the page asks for `head` and `cell`. What the browser knows already is not told again, nor sent again."""
    if lock is None:
        return _Lock(head, cell, (head, 0, cell), head or opening)
    wanted = head or lock.head, cell or lock.cell
    if not lock.clicked and wanted != (lock.head, lock.cell):
        return _Lock(*wanted, (wanted[0], lock.at, wanted[1]), lock.shown, lock.at)
    return lock


def _heard(key: str) -> None:
    lock = state.recall(f"{key}:lock")
    if lock is not None:
        lock.clicked = True


def _sizes(shape: tuple[int, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return ("head", shape[:2]), ("cell", shape[2:])


def _fits(pair: tuple[int, int], *sizes: int) -> bool:
    return all(0 <= index < size for index, size in zip(pair, sizes, strict=True))


def _pair_of(said: Any, *sizes: int) -> tuple[int, int] | None:
    """The head or cell that the browser named, or None for anything else that it may have sent."""
    if not isinstance(said, list) or len(said) != 2 or not all(isinstance(index, int) for index in said):
        return None
    return (said[0], said[1]) if _fits((said[0], said[1]), *sizes) else None


def _can_compare(pair: Any, n_layer: int, n_head: int) -> bool:
    """Whether this names a head of the model, or an average of its heads."""
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return False
    known = [(AVERAGE, *range(size)) for size in (n_layer, n_head)]
    return all(place in places for place, places in zip(pair, known, strict=True))


def _lines_of(said: Any, n_layer: int, n_head: int) -> Lines | None:
    """The lines that the browser named, or None for anything else that it may have sent."""
    if not isinstance(said, list) or len(said) != 2 or not isinstance(said[0], list) or said[1] not in SHARES:
        return None
    return Lines(tuple((pair[0], pair[1]) for pair in said[0] if _can_compare(pair, n_layer, n_head)), said[1])
