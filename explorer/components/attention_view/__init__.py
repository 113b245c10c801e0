"""All heads of a model in one view: a grid of patterns, one of them large, and lines between its tokens.

A Streamlit component (components v2). The patterns go to the browser as bytes, once per prompt and model. The browser
previews, locks and draws by itself; it reports only what the person locks, pins and compares.
A second component, without a picture, brings the messages. So the scripts and styles of the view are sent once: the
server sends a large element again only if it has changed. Where the patterns are too many, a message has small ones,
and another one brings the full patterns of a layer when the view asks for them; only its fragment runs then.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from explorer import state
from explorer.components import declare, read
from explorer.components.attention_view.encoding import AVERAGE, Encoded, Head, encode
from explorer.components.attention_view.packing import Cell, check_patterns, fits, pack, pack_layer, pack_small
from explorer.shared.fragment import fragment

BY_LAYER = "layer"  # the grid's order with layers down and heads across
SHARES = (0.5, 0.75, 0.9, 0.99, 1)  # of a row, as the view offers them

SCRIPTS = (
    "patterns.js",
    "difference.js",
    "paint.js",
    "heatmap.js",
    "zoom.js",
    "lines.js",
    "layers.js",
    "grid.js",
    "arrange.js",
    "tip.js",
    "input.js",
    "view.js",
)
_mount = declare("attention_view", "view.html", ["view.css"], SCRIPTS)
_bring = component("attention_message", js=read("attention_view", "message.js"))


@dataclass(frozen=True)
class Arrangement:
    """What the view's grid can be sorted and filtered by. Arrays are (n_layer, n_head)."""

    scores: Mapping[str, np.ndarray]  # name → a score of each head; empty until the heads are scored
    first: np.ndarray  # the mean weight on the first token
    rest: float  # a head with more weight there only reads the first token

    def options(self) -> dict[str, Any]:
        """Return the entries of the view's header. A score that is no number is null."""
        scores = {name: _numbers(values) for name, values in self.scores.items()}
        return {"scores": scores, "first": _numbers(self.first), "rest": self.rest}


def _numbers(values: np.ndarray) -> list[list[float | None]]:
    return [[round(float(value), 3) if np.isfinite(value) else None for value in row] for row in values]


class Look(NamedTuple):
    """What a person looks at in the view."""

    head: Head | None = None  # the locked (layer, head)
    cell: Cell | None = None  # the pinned (query, key), perhaps a masked one; of a pinned token, its largest weight
    compared: tuple[tuple[int | str, int | str], ...] = ()  # (layer, head) whose lines are added; "avg" is all of them
    share: float = 0.9  # of each row that the lines cover, of `SHARES`
    order: str = BY_LAYER  # of the heads in the grid: the name of a score
    role: str = ""  # the caption of the heads in the grid; "" is any
    hides_rest: bool = False  # whether the grid leaves out heads that only read the first token


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
            str(click.get("order") or BY_LAYER),
            str(click.get("role") or ""),
            click.get("hides_rest") is True,
        )
        self.look, self.clicked_at = _existing(look, self.shape), click.get("at", self.clicked_at)


def attention_view(
    patterns: np.ndarray | Encoded,
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
    arrangement: Arrangement | None = None,
    hides_first: bool = False,
) -> Head:
    """Draw all heads. Return the large one: the locked head, or the last that was locked, or `opening`.

    patterns: (n_layer, n_head, T, S) probabilities, queries down, keys across; each row sums to 1. Or such patterns as
    `encode` returns them, which a page can keep for its next run. tokens: the T queries. keys: the S tokens that are
    read, if they differ from the queries (cross-attention).
    key: stable over reruns, so that new patterns keep what the person looks at.
    look: the fields of a `Look` that the page decides. The view keeps the other fields itself.
    on_look: called with the new look after a click, before the page runs.
    causal: cells above the diagonal do not exist (they must be 0, and T = S). grid_only: no large heatmap, no lines.
    layers: the layers to draw; None: all. captions: (layer, head) → what the head does, in one to three words; of equal
    captions the strongest head comes first. explained: the key of the container that explains a pinned weight.
    arrangement: what the grid can be sorted and filtered by (None: nothing). hides_first: the patterns are without
    their first token; the first key has no weight.
    Raises ValueError on other shapes, weights outside [0, 1], or a head or cell that does not exist.
    Source: lecture 01:02:00; the view follows BertViz (Vig 2019) and CircuitsVis.
    """
    if not isinstance(patterns, Encoded):
        checked = check_patterns(patterns, tokens, keys, causal=causal)
        patterns = encode(checked.__getitem__, len(checked), causal=causal, layers=layers)
    shape = patterns.shape
    browser = state.recall(f"{key}:browser") or _Browser(opening)
    state.remember(f"{key}:browser", browser)
    browser.show(shape, look or {})
    exists = fits(browser.large, shape[:2]) and browser.large[0] in patterns.layers
    browser.large = browser.look.head or (browser.large if exists else opening)
    options = {"key": key, "look": browser.asked, "grid_only": grid_only, "opening": opening, "explained": explained}
    options |= {"arrange": arrangement and arrangement.options(), "hides_first": hides_first}
    places = {"head": browser.look.head, "cell": browser.look.cell, "keys": keys}
    data = pack(patterns, tokens, options=options, captions=captions, **places)
    with st.container(gap=None):
        _mount(key=key, data={"key": key}, on_look_change=partial(_take_click, key, on_look))
        _bring(key=f"{key}:view", data=data)
        if patterns.small is not None:
            _bring(key=f"{key}:small", data=pack_small(patterns, key))
        if patterns.small is not None and not grid_only:
            fragment(_bring_layer, key, patterns, browser.large)
    return browser.large


def _bring_layer(key: str, patterns: Encoded, large: Head) -> None:
    """Send the full patterns of the layer that the browser asked for last, or only the large head's if it did not."""
    name = f"{key}:layer"
    asked = state.component_value(name, "asked") or {}
    if asked.get("stamp") == patterns.stamp and asked.get("layer") in (AVERAGE, *patterns.layers):
        data = pack_layer(patterns, key, asked["layer"])
    else:
        data = pack_layer(patterns, key, large[0], large[1] if patterns.single else None)
    _bring(key=name, data=data, on_asked_change=lambda: None)


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
