"""The person's edits of the small matrices in the lecture's pages, as the link holds them.

The choice `edits` has the name and the changed cells of each matrix: `scores!0.1=2!3.0=-1~norms!2.2=0`.
"""

import re

import numpy as np

from explorer.choice import Choice, choose

EDITS = Choice("edits", label="Edit")
RENAMED = {"norms!": "norm:activations!", "notes:cross:": "cross:"}  # start of a matrix's edits in old links → today's
CELL = re.compile(r"(\d{1,2})\.(\d{1,2})=(-?\d{1,9}(?:\.\d{1,6})?)")


def applied(name: str, first: np.ndarray) -> np.ndarray:
    """The matrix with the person's edits; cells that it does not have are ignored. first: (R, C)."""
    values = first.copy()
    for cell in _parts().get(name, "").split("!"):
        edit = CELL.fullmatch(cell)
        if edit and int(edit[1]) < first.shape[0] and int(edit[2]) < first.shape[1]:
            values[int(edit[1]), int(edit[2])] = float(edit[3])
    return values


def keep(name: str, first: np.ndarray, edited: np.ndarray) -> None:
    """Write the cells that differ from the first values into the link. first, edited: (R, C)."""
    changed_cells = np.argwhere(np.abs(edited - first) > 1e-6)
    cells = [f"{row}.{column}={_plain(float(edited[row, column]))}" for row, column in changed_cells]
    parts = _parts()
    changed = parts | {name: "!".join(cells)}
    if not cells:
        changed.pop(name)
    if changed != parts:
        choose({EDITS: "~".join(f"{each}!{cells}" for each, cells in changed.items()) or None})


def _plain(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _parts() -> dict[str, str]:
    """The name of each changed matrix → its cells."""
    named = (_renamed(part).partition("!") for part in (EDITS.text or "").split("~") if part)
    return {name: cells for name, _, cells in named}


def _renamed(part: str) -> str:
    """A matrix and its edits, with the matrix's name of today."""
    old = next((old for old in RENAMED if part.startswith(old)), "")
    return RENAMED.get(old, "") + part.removeprefix(old)
