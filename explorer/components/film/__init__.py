"""A run's snapshots as a film: one slider moves every head, the next token, the sample and the curves together.

One Streamlit component (components v2). All snapshots go to the browser once, as bytes; moving through them happens
there, and what the person looks at comes back when they rest.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from explorer import state
from explorer.components.film.packing import pack
from explorer.figures.style import DIVERGING, MUTED, SEQUENTIAL, SEQUENTIAL_ON_DARK, head_color
from explorer.figures.tokens import visible

Head = tuple[int, int]
Curve = tuple[Sequence[float], Sequence[float]]  # steps, values

LONGEST_TOKEN = 40  # characters of a token that are shown
LONGEST_SAMPLE = 2000  # characters
LOSSES_IN = (0, 4)  # the palette's colours of the training and the held-out loss, as on the page where runs train

_HERE = Path(__file__).parent
_SHARED = _HERE.parent / "attention_view"
_SCRIPTS = (
    *(_SHARED / name for name in ("patterns.js", "paint.js", "heatmap.js", "grid.js", "input.js")),
    *(_HERE / name for name in ("frames.js", "plot.js", "pictures.js", "transport.js", "film.js")),
)
_mount = st.components.v2.component(
    "film",
    html=(_HERE / "film.html").read_text(encoding="utf-8"),
    css="\n".join(
        (folder / name).read_text(encoding="utf-8") for folder, name in ((_SHARED, "view.css"), (_HERE, "film.css"))
    ),
    js="\n".join(script.read_text(encoding="utf-8") for script in _SCRIPTS),
)


@dataclass(frozen=True)
class Film:
    """S snapshots of n_layer × n_head heads on one prompt of T tokens, with what is known of each snapshot."""

    steps: Sequence[int]  # S, ascending
    codes: np.ndarray  # (S, n_layer, n_head, cells) uint8, as `packing.encode` makes them; n_layer = 0 without heads
    causal: bool
    tokens: Sequence[str]  # T
    answers: Sequence[str]  # A next tokens
    probabilities: np.ndarray  # (S, A), NaN where the model's logits are not finite
    likeliest: Sequence[tuple[str, float]]  # S, of all tokens
    samples: Sequence[str | None]  # S
    losses: Mapping[str, Curve]  # "batch", "mean", "validation"
    scores: Mapping[str, np.ndarray]  # kind → (S, n_layer, n_head), 0 for uniform attention; {} where there are none
    words: Mapping[str, str]  # kind → what is to be said of its curves
    spans: Mapping[str, tuple[int, int]]  # kind → the steps between which it rises most
    opening: Head = (0, 0)  # shown large until the person looks at another
    kind: str = "induction"  # whose curves are shown until the person picks another


class Look(NamedTuple):
    """What a person looks at: a snapshot's step, the locked head, and the step that all is compared with."""

    step: int
    head: Head | None = None
    pinned: int | None = None
    kind: str | None = None  # of the score curves; None: the film's own


@dataclass
class _Known:
    """The look as this session knows it, by the later word of two: the page's, or the person's."""

    look: Look
    told: tuple[
        Look, int
    ]  # what the page last wanted, and when the browser had last rested before; it hears of no more
    at: int = 0  # when it last rested, in the browser's milliseconds
    rested: bool = False  # whether that has not been read yet


def play(film: Film, look: Look, *, key: str) -> Look:
    """Draw the film and return what the person looks at.

    look: what the page wants shown. Hand in what was returned last: the person's own moves win where they are newer, and
    another value moves the film. key: stable over reruns, one a run. Raises ValueError on codes that are not the film's.
    Source: lecture 00:34:53.
    """
    known = _agree(state.recall(f"{key}:known"), look)
    state.remember(f"{key}:known", known)
    told, kind = (known.told[0][:3], known.told[1]), known.look.kind or film.kind
    message = pack(_header(film) | {"key": key, "told": told, "kind": kind}, film.codes)
    result = _mount(key=key, data=message, on_rest_change=partial(_heard, key))
    if known.rested:
        said = result.get("rest") or {}
        known.rested = False
        known.look, known.at = _look_of(said, film, known.look), said.get("at", known.at)
    return known.look


def _header(film: Film) -> dict[str, Any]:
    S, n_layer, n_head, _ = film.codes.shape
    if not S == len(film.steps) == len(film.samples) == len(film.likeliest) == len(film.probabilities):
        raise ValueError(
            f"codes of {S} snapshots need as many steps, samples and answers; there are {len(film.steps)} steps"
        )
    return {
        "film": hashlib.blake2b(film.codes.tobytes(), digest_size=16).hexdigest(),
        "layers": n_layer,
        "kept": list(range(n_layer)),
        "heads": n_head,
        "causal": film.causal,
        "grid_only": True,
        "opening": film.opening,
        "kind": film.kind,
        "tokens": [_shortened(visible(token), LONGEST_TOKEN) for token in film.tokens],
        "steps": list(film.steps),
        "answers": [_shortened(visible(token), LONGEST_TOKEN) for token in film.answers],
        "probabilities": _numbers(film.probabilities, 5),
        "likeliest": [[_shortened(visible(token), LONGEST_TOKEN), _number(p, 4)] for token, p in film.likeliest],
        "samples": [text and _shortened(text, LONGEST_SAMPLE) for text in film.samples],
        "losses": {name: [list(steps), _numbers(values, 5)] for name, (steps, values) in film.losses.items()},
        "scores": {kind: _numbers(values.reshape(S, -1), 4) for kind, values in film.scores.items()},
        "words": dict(film.words),
        "spans": dict(film.spans),
        "scale": {"light": SEQUENTIAL, "dark": SEQUENTIAL_ON_DARK},
        "change": DIVERGING,
        "colors": {
            theme: [head_color(i, on_dark=theme == "dark") for i in range(n_head)] for theme in ("light", "dark")
        },
        "average": MUTED,
        "losses_in": {
            theme: [head_color(i, on_dark=theme == "dark") for i in LOSSES_IN] for theme in ("light", "dark")
        },
    }


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _numbers(values: Any, digits: int) -> list:
    return [_numbers(row, digits) if np.ndim(row) else _number(row, digits) for row in values]


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _agree(known: _Known | None, look: Look) -> _Known:
    """What holds when the page asks for `look`. What the browser knows already is not told again, nor sent again."""
    if known is None:
        return _Known(look, (look, 0))
    if not known.rested and look != known.look:
        return replace(known, look=look, told=(look, known.at))
    return known


def _heard(key: str) -> None:
    known = state.recall(f"{key}:known")
    if known is not None:
        known.rested = True


def _look_of(said: Any, film: Film, before: Look) -> Look:
    """What the browser said, without anything else that it may have sent."""
    step, head, pinned, kind = (said.get(name) if isinstance(said, dict) else None for name in Look._fields)
    n_layer, n_head = film.codes.shape[1:3]
    is_head = (
        isinstance(head, list)
        and len(head) == 2
        and all(
            isinstance(index, int) and 0 <= index < size for index, size in zip(head, (n_layer, n_head), strict=True)
        )
    )
    return Look(
        step if step in film.steps else before.step,
        tuple(head) if is_head else None,
        pinned if pinned in film.steps else None,
        kind if kind in film.scores and kind != (before.kind or film.kind) else before.kind,
    )
