"""Tokens as coloured cells with a line that says more about the one under the pointer: running text, chips, or rows.

One Streamlit component (components v2). Tokens are text of unknown origin: they reach the page as text nodes alone.
Arrow keys move from cell to cell; in rows that can be chosen, a click or Enter chooses.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streamlit.components.v2 import component

from explorer.figures.style import OKABE_ITO
from explorer.figures.tokens import visible

ACCENT = "var(--st-primary-color)"  # follows the theme
OTHER = OKABE_ITO[4]
HUES = OKABE_ITO[:6]
TINT = 0.75  # strength of a hue that only tells tokens apart

_HERE = Path(__file__).parent
_mount = component(
    "token_cells",
    html=(_HERE / "cells.html").read_text(encoding="utf-8"),
    css=(_HERE / "cells.css").read_text(encoding="utf-8"),
    js=(_HERE / "cells.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Scale:
    """What a colour means: 0 … `top` in one hue, or −`top` … `top` in two where `diverging`. marks: (value, label)."""

    name: str
    top: float
    marks: tuple[tuple[float, str], ...]
    diverging: bool = False

    def place(self, value: float) -> float:
        """Where a value lies on the scale's bar, from 0 to 1."""
        return (value / self.top + 1) / 2 if self.diverging else value / self.top


def running_text(
    tokens: Sequence[str], values: Sequence[float], notes: Sequence[str], scale: Scale, *, label: str, key: str
) -> None:
    """Running text whose tokens are coloured by value, with the scale above it; a NaN has no colour but a dotted frame.

    values: one a token, clipped to the scale; notes: what to say of each. label: the text's name for screen readers.
    Raises ValueError where the three differ in length.
    """
    strengths = [None if math.isnan(value) else round(min(1.0, abs(float(value)) / scale.top), 3) for value in values]
    _cells(
        tokens,
        notes,
        fills=[int(scale.diverging and value < 0) for value in values],
        strengths=strengths,
        palette=[ACCENT, OTHER] if scale.diverging else [ACCENT],
        scale={"name": scale.name, "marks": [[scale.place(value), text] for value, text in scale.marks]},
        layout="text",
        label=label,
        key=key,
    )


def chips(tokens: Sequence[str], ids: Sequence[int | None], notes: Sequence[str], *, label: str, key: str) -> None:
    """A text cut into its tokens; a token's hue is its id's, so that equal tokens look alike. What has no id has a dotted frame.

    Raises ValueError where tokens, ids and notes differ in length.
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
    """Rows of tokens, hues by id. Returns the row that the person chose where they can, else `opening`.

    targets: the last token of a row is what the ones before it should predict, and stands behind an arrow.
    Raises ValueError where tokens, ids and notes differ in length.
    """
    flat = [[cell for row in table for cell in row] for table in (tokens, ids, notes)]
    result = _cells(
        flat[0],
        flat[2],
        **_tinted(flat[1]),
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
    if not len(tokens) == len(notes) == len(view["fills"]):
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
