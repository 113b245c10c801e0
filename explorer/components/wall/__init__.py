"""A wall of tiles, one per run: name, curve, loss, sample and strongest head. One Streamlit component (components v2).

Names and samples are text of unknown origin, so they reach the page only as text nodes. An update changes only what is
new; nothing is drawn again otherwise.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from explorer.components import declare

Action = Literal["hide", "show", "remove"]
ACTIONS: tuple[Action, ...] = ("hide", "show", "remove")

_mount = declare("wall", "wall.html", ["../button.css", "wall.css"], ["curve.js", "wall.js"])


@dataclass(frozen=True)
class Tile:
    """What a tile shows of a run."""

    key: str  # names the tile to the browser
    title: str
    subtitle: str
    link: str  # to the run's page
    state: str
    rank: int | None
    loss: float | None  # the last validation loss
    verdict: str  # whether the run keeps the task, and the loss that ranks, or why it has no rank
    is_ranked: bool
    curve: Sequence[float]  # running mean of the training loss, evenly spaced over the steps so far
    done: float  # share of the planned steps
    points: Sequence[tuple[float, float]]  # share of the planned steps, validation loss
    mark: float | None  # share of the planned steps at which the runs are compared
    sample: str
    head: str
    is_hidden: bool = False  # from students; only a teacher gets such a tile


def wall(tiles: Sequence[Tile], *, is_teacher: bool, unit: str, key: str) -> tuple[Action, str] | None:
    """Draw the tiles. Return what the teacher has just pressed, with the tile's key, or None.

    unit: of the losses, in words.
    """
    data = {"tiles": [asdict(tile) for tile in tiles], "teacher": is_teacher, "unit": unit}
    message = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    pressed: Any = _mount(key=key, data=message, on_press_change=lambda: None).get("press")
    if not isinstance(pressed, dict):
        return None
    action, tile = pressed.get("action"), pressed.get("key")
    return (action, tile) if action in ACTIONS and isinstance(tile, str) else None
