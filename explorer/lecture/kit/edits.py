"""What the person has changed in the small matrices of the lecture's pages, as it stands in the link.

The choice `edits` has a part for every matrix that was changed, its name and its cells: `scores!0.1=2!3.0=-1~norms!2.2=0`.
"""

import re

import numpy as np

from explorer import state

CELL = re.compile(r"(\d{1,2})\.(\d{1,2})=(-?\d{1,9}(?:\.\d{1,6})?)")


def applied(name: str, first: np.ndarray) -> np.ndarray:
    """The matrix with the person's changes; what a link names that is not in it is not heard. first: (R, C)."""
    values = first.copy()
    for cell in _parts().get(name, "").split("!"):
        found = CELL.fullmatch(cell)
        if found and int(found[1]) < first.shape[0] and int(found[2]) < first.shape[1]:
            values[int(found[1]), int(found[2])] = float(found[3])
    return values


def keep(name: str, first: np.ndarray, edited: np.ndarray) -> None:
    """Put into the link where the matrix differs from its first values. first, edited: (R, C)."""
    changed_cells = np.argwhere(np.abs(edited - first) > 1e-6)
    cells = [f"{row}.{column}={_plain(edited[row, column])}" for row, column in changed_cells]
    parts = _parts()
    changed = parts | {name: "!".join(cells)}
    if not cells:
        changed.pop(name)
    if changed != parts:
        state.choose(edits="~".join(f"{each}!{cells}" for each, cells in changed.items()) or None)


def _plain(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _parts() -> dict[str, str]:
    """The name of each changed matrix → its cells."""
    named = (part.partition("!") for part in (state.choice("edits") or "").split("~") if part)
    return {name: cells for name, _, cells in named}
