"""A graph of computations (components v2): a button for each node, with its value and its gradient.

Tab moves from node to node; a click or Enter picks one.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from explorer import state
from explorer.components import declare
from explorer.figures.style import SECOND

Rows = list[list[str]]
_mount = declare("graph", "graph.html", ["../button.css", "graph.css"], ["graph.js"])


@dataclass(frozen=True)
class Box:
    """A node as it is drawn. gradient: None until it is known. note: for screen readers."""

    name: str
    formula: str
    value: Rows
    gradient: Rows | None
    note: str


def graph(
    columns: Sequence[Sequence[Box]],
    edges: Sequence[tuple[str, str, bool]],
    *,
    chosen: str | None,
    on_pick: Callable[[str], None],
    label: str,
    key: str,
) -> None:
    """Draw the graph, its columns from left to right, on a narrow screen from top to bottom.

    edges: (from, to, whether the gradient has passed back along it). chosen: the node with a frame. on_pick: called
    with the name of the node that the person picks. label: the graph's name for screen readers.
    """
    data = {
        "columns": [[asdict(box) for box in column] for column in columns],
        "edges": edges,
        "chosen": chosen,
        "color": SECOND,
        "label": label,
    }
    _mount(
        key=key, data=json.dumps(data).encode(), on_picked_change=lambda: on_pick(state.component_value(key, "picked"))
    )
