"""All heads of a model in one view: a grid of patterns, one of them large, and lines between its tokens.

One Streamlit component (components v2). The patterns go to the browser as bytes, once per prompt and model. The browser
previews, locks and draws by itself; it reports only what the person locks, pins and compares.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from explorer import state
from explorer.components import declare
from explorer.components.attention_view.packing import Cell, Head, fits, pack

SHARES = (0.5, 0.75, 0.9, 0.99, 1)  # of a row, as the view offers them
AVERAGE = "avg"  # in place of a layer or a head: the mean of all

SCRIPTS = ("patterns.js", "paint.js", "heatmap.js", "zoom.js", "lines.js", "grid.js", "tip.js", "input.js", "view.js")
_mount = declare("attention_view", "view.html", ["view.css"], SCRIPTS)


class Look(NamedTuple):
    """What a person looks at in the view."""

    head: Head | None = None  # the locked (layer, head)
    cell: Cell | None = None  # the pinned (query, key), perhaps a masked one; of a pinned token, its largest weight
    compared: tuple[tuple[int | str, int | str], ...] = ()  # (layer, head) whose lines are added; "avg" is all of them
    share: float = 0.9  # of each row that the lines cover, of `SHARES`


NOTHING = Look()


@dataclass
class _Browser:
    """What the browser shows, as far as this session knows."""

    large: Head
    look: Look = NOTHING
    asked: dict[str, Any] | None = None  # the page's last change; a click leaves it, so no pattern is sent again
    clicked_at: int = 0  # in the browser's milliseconds
    shape: tuple[int, ...] = (0, 0, 0, 0)  # of the patterns

    def show(self, shape: tuple[int, ...], fields: Mapping[str, Any]) -> None:
        """Ask for a look with these fields, unless the browser shows it already."""
        look = _existing(self.look, shape)._replace(**fields)
        if look != self.look or self.asked is None:
            self.asked = {**look._asdict(), "at": self.clicked_at}
        self.look, self.shape = look, shape

    def take(self, click: Mapping[str, Any]) -> None:
        """Take over the look that the browser reports, without what these patterns do not have."""
        compared, share = click.get("compared"), click.get("share")
        look = Look(
            _pair_in(click.get("head")),
            _pair_in(click.get("cell")),
            tuple((layer, head) for layer, head in filter(_is_pair, compared if isinstance(compared, list) else [])),
            share if share in SHARES else self.look.share,
        )
        self.look, self.clicked_at = _existing(look, self.shape), click.get("at", self.clicked_at)


def attention_view(
    patterns: np.ndarray,
    tokens: Sequence[str],
    *,
    key: str,
    look: Mapping[str, Any] | None = None,
    on_look: Callable[[Look], None] = lambda look: None,
    causal: bool = True,
    grid_only: bool = False,
    opening: Head = (0, 0),
    layers: Sequence[int] | None = None,
    keys: Sequence[str] | None = None,
    captions: Mapping[Head, str] | None = None,
    explained: str | None = None,
) -> Head:
    """Draw all heads. Return the large one: the locked head, or the last that was locked, or `opening`.

    patterns: (n_layer, n_head, T, S) probabilities, queries down, keys across; each row sums to 1. tokens: the T
    queries. keys: the S tokens that are read, if they differ from the queries (cross-attention).
    key: stable over reruns, so that new patterns keep what the person looks at.
    look: the fields of a `Look` that the page decides. The view keeps the other fields itself.
    on_look: called with the new look after a click, before the page runs.
    causal: cells above the diagonal do not exist (they must be 0, and T = S). grid_only: no large heatmap, no lines.
    layers: the layers to draw; None: all. captions: (layer, head) → what the head does, in one to three words; of equal
    captions the strongest head comes first. explained: the key of the container that explains a pinned weight.
    Raises ValueError on other shapes, weights outside [0, 1], or a head or cell that does not exist.
    Source: lecture 01:02:00; the view follows BertViz (Vig 2019) and CircuitsVis.
    """
    browser = state.recall(f"{key}:browser") or _Browser(opening)
    state.remember(f"{key}:browser", browser)
    browser.show(patterns.shape, look or {})
    options = {"key": key, "look": browser.asked, "grid_only": grid_only, "opening": opening, "explained": explained}
    places = {"head": browser.look.head, "cell": browser.look.cell, "layers": layers, "keys": keys}
    data = pack(patterns, tokens, causal=causal, options=options, captions=captions, **places)
    _mount(key=key, data=data, on_look_change=partial(_take_click, key, on_look))
    exists = fits(browser.large, patterns.shape[:2]) and (layers is None or browser.large[0] in layers)
    browser.large = browser.look.head or (browser.large if exists else opening)
    return browser.large


def _take_click(key: str, on_look: Callable[[Look], None]) -> None:
    browser, click = state.recall(f"{key}:browser"), state.component_value(key, "look")
    if browser and isinstance(click, dict):
        browser.take(click)
        on_look(browser.look)


def _existing(look: Look, shape: Sequence[int]) -> Look:
    """The look without the places that patterns of this shape do not have."""
    places = ((look.head, shape[:2]), (look.cell, shape[2:]))
    head, cell = (place if place and fits(place, sizes) else None for place, sizes in places)
    known = [(AVERAGE, *range(size)) for size in shape[:2]]
    compared = tuple(pair for pair in look.compared if all(map(operator.contains, known, pair)))
    return look._replace(head=head, cell=cell, compared=compared)


def _pair_in(value: Any) -> tuple[int, int] | None:
    """The pair of whole numbers that the browser reports, or None."""
    return (value[0], value[1]) if _is_pair(value) and all(isinstance(index, int) for index in value) else None


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2
