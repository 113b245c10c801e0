"""Tokens as coloured cells (running text, chips, or rows), and a line about the cell under the pointer.

One Streamlit component (components v2). Tokens are text of unknown origin, so they reach the page only as text nodes.
Arrow keys move from cell to cell; a click or Enter chooses a row, if rows can be chosen.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from explorer.components import declare
from explorer.figures.style import OKABE_ITO
from explorer.figures.tokens import visible

ACCENT = "var(--st-primary-color)"  # follows the theme
OTHER = OKABE_ITO[4]
HUES = OKABE_ITO[:6]
TINT = 0.75  # strength of a hue that only distinguishes tokens

_mount = declare("token_cells", "cells.html", ["cells.css"], ["cells.js"])


@dataclass(frozen=True)
class Scale:
    """What a colour means: 0 … `top` in one hue, or −`top` … `top` in two where `diverging`. marks: (value, label)."""

    name: str
    top: float
    marks: tuple[tuple[float, str], ...]
    diverging: bool = False

    def place(self, value: float) -> float:
        """Return the place of a value on the scale's bar, from 0 to 1."""
        return (value / self.top + 1) / 2 if self.diverging else value / self.top


def running_text(
    tokens: Sequence[str],
    values: Sequence[float] | np.ndarray,
    notes: Sequence[str],
    scale: Scale,
    *,
    edges: Sequence[bool] = (),
    label: str,
    key: str,
) -> None:
    """Draw running text with tokens coloured by value, and the scale above it. A NaN has a dotted frame and no colour.

    values: one per token, clipped to the scale; notes: one or two lines per token. edges: where a line is drawn before
    a token (none: nowhere). label: the text's name for screen readers. Raises ValueError if the lists differ in length.
    """
    strengths = [None if math.isnan(value) else round(min(1.0, abs(float(value)) / scale.top), 3) for value in values]
    _cells(
        tokens,
        notes,
        fills=[int(scale.diverging and value < 0) for value in values],
        strengths=strengths,
        palette=[ACCENT, OTHER] if scale.diverging else [ACCENT],
        scale={"name": scale.name, "marks": [[scale.place(value), text] for value, text in scale.marks]},
        edges=list(edges) or [False] * len(tokens),
        layout="text",
        label=label,
        key=key,
    )


def chips(tokens: Sequence[str], ids: Sequence[int | None], notes: Sequence[str], *, label: str, key: str) -> None:
    """Draw a text cut into its tokens, hues by id: equal tokens look alike. One without an id has a dotted frame.

    Raises ValueError if tokens, ids and notes differ in length.
    """
    _cells(tokens, notes, **_tinted(ids), layout="chips", label=label, key=key)


def rows(
    tokens: Sequence[Sequence[str]],
    ids: Sequence[Sequence[int]],
    notes: Sequence[Sequence[str]],
    *,
    label: str,
    key: str,
    selectable: bool = False,
    targets: bool = False,
    opening: int = 0,
) -> int:
    """Draw rows of tokens, hues by id. Return the chosen row, at first `opening`.

    targets: the last token of a row, after an arrow, is the target that the tokens before it predict.
    Raises ValueError if tokens, ids and notes differ in length.
    """
    result = _cells(
        list(chain.from_iterable(tokens)),
        list(chain.from_iterable(notes)),
        **_tinted(list(chain.from_iterable(ids))),
        layout="rows",
        rows=[len(row) for row in tokens],
        targets=targets,
        selectable=selectable,
        opening=opening,
        label=label,
        key=key,
    )
    row = result.get("row")
    return row if isinstance(row, int) and 0 <= row < len(tokens) else opening


def _tinted(ids: Sequence[int | None]) -> dict:
    fills = [(i or 0) % len(HUES) for i in ids]
    return {"fills": fills, "strengths": [None if i is None else TINT for i in ids], "palette": HUES}


def _cells(tokens: Sequence[str], notes: Sequence[str], *, key: str, selectable: bool = False, **view) -> dict:
    if not len(tokens) == len(notes) == len(view["fills"]) == len(view.get("edges", tokens)):
        raise ValueError(
            f"{len(tokens)} tokens need as many notes and values; got {len(notes)} and {len(view['fills'])}"
        )
    data = {
        "texts": [visible(token) for token in tokens],
        "breaks": ["\n" in token for token in tokens],
        "notes": list(notes),
        "hint": "Point at a token, or move with the arrow keys" + ("; Enter chooses a row." if selectable else "."),
        "selectable": selectable,
        **view,
    }
    return _mount(key=key, data=json.dumps(data).encode(), on_row_change=lambda: None)
