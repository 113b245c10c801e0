"""A run's snapshots as a film: one slider moves every head, the next token, the sample and the curves together.

One Streamlit component (components v2). All snapshots go to the browser once, as bytes; it moves through them.
It sends back what the person looks at when they rest.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from explorer import state
from explorer.components import declare
from explorer.components.film.packing import pack
from explorer.figures.style import DIVERGING, MUTED, SEQUENTIAL, SEQUENTIAL_ON_DARK, head_colors
from explorer.figures.tokens import visible

Head = tuple[int, int]
Curve = tuple[Sequence[float], Sequence[float]]  # steps, values

LONGEST_TOKEN = 40  # characters
LONGEST_SAMPLE = 2000  # characters
LOSS_COLORS = (0, 4)  # palette indices of the training and the validation loss, as on the Train page

_SHARED = (f"../attention_view/{name}.js" for name in ("patterns", "paint", "heatmap", "grid", "input"))
STYLES = ("../attention_view/view.css", "film.css")
SCRIPTS = (*_SHARED, "frames.js", "plot.js", "pictures.js", "transport.js", "film.js")
_mount = declare("film", "film.html", STYLES, SCRIPTS)


@dataclass(frozen=True)
class Film:
    """S snapshots of n_layer × n_head heads on one prompt of T tokens, with the answers, samples and scores of each."""

    steps: Sequence[int]  # S, ascending
    codes: np.ndarray  # (S, n_layer, n_head, cells) uint8, from `packing.encode`; n_layer = 0 for a model without heads
    causal: bool
    tokens: Sequence[str]  # T
    answers: Sequence[str]  # A next tokens
    probabilities: np.ndarray  # (S, A), NaN where the model's logits are not finite
    likeliest: Sequence[tuple[str, float]]  # S, of all tokens
    samples: Sequence[str | None]  # S
    losses: Mapping[str, Curve]  # "batch", "mean", "validation"
    scores: Mapping[str, np.ndarray]  # kind → (S, n_layer, n_head), 0 for uniform attention; may be {}
    sentences: Mapping[str, str]  # kind → a description of its curves
    spans: Mapping[str, tuple[int, int]]  # kind → the steps between which its score rises most
    opening: Head = (0, 0)  # shown large until the person points at another
    kind: str = "induction"  # of the score curves, until the person picks another


class Look(NamedTuple):
    """What a person looks at: the step of a snapshot, the locked head, and the step to compare with."""

    step: int
    head: Head | None = None
    pinned: int | None = None
    kind: str | None = None  # of the score curves; None: the film's own


@dataclass
class _Session:
    """The newest look of this session, from the page or from the person."""

    look: Look
    request: tuple[Look, int]  # the page's last request, and the time of the browser's last rest before it
    at: int = 0  # time of the browser's last rest, in its milliseconds
    has_news: bool = False  # whether the last rest was not read yet


def play(film: Film, look: Look, *, key: str) -> Look:
    """Draw the film and return what the person looks at.

    look: what the page asks for. With the value that was returned last, the person's moves win; with another value,
    the film moves. key: one per run, the same over reruns. Raises ValueError on codes of another film.
    Source: lecture 00:34:53.
    """
    session = _update(state.recall(f"{key}:session"), look)
    state.remember(f"{key}:session", session)
    asked, at = session.request
    message = message_of(film, asked, key=key, at=at, kind=session.look.kind or film.kind)
    result = _mount(key=key, data=message, on_rest_change=partial(_mark_rest, key))
    if session.has_news:
        rest = result.get("rest") or {}
        session.has_news = False
        session.look, session.at = _read_look(rest, film, session.look), rest.get("at", session.at)
    return session.look


def message_of(film: Film, look: Look, *, key: str, at: int = 0, kind: str | None = None) -> bytes:
    """Return the film as the browser gets it, opened on this look. kind: of the score curves (None: the film's own).

    at: the time of the browser's last rest before the page asked. Raises ValueError on codes of another film.
    """
    return pack(_header(film) | {"key": key, "request": (look[:3], at), "kind": kind or film.kind}, film.codes)


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
        "sentences": dict(film.sentences),
        "spans": dict(film.spans),
        "scale": {"light": SEQUENTIAL, "dark": SEQUENTIAL_ON_DARK},
        "change": DIVERGING,
        "colors": head_colors(range(n_head)),
        "average": MUTED,
        "loss_colors": head_colors(LOSS_COLORS),
    }


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _numbers(values: Any, digits: int) -> list:
    return [_numbers(row, digits) if np.ndim(row) else _number(row, digits) for row in values]


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _update(session: _Session | None, look: Look) -> _Session:
    """Return the session after the page has asked for `look`. The browser's own look is not sent back to it."""
    if session is None:
        return _Session(look, (look, 0))
    if not session.has_news and look != session.look:
        return replace(session, look=look, request=(look, session.at))
    return session


def _mark_rest(key: str) -> None:
    session = state.recall(f"{key}:session")
    if session is not None:
        session.has_news = True


def _read_look(rest: Any, film: Film, before: Look) -> Look:
    """Return the look that the browser sent; parts that the film does not have are ignored."""
    parts: list[Any] = [rest.get(name) if isinstance(rest, dict) else None for name in Look._fields]
    step, head, pinned, kind = parts
    n_layer, n_head = film.codes.shape[1:3]
    heads = [[layer, index] for layer in range(n_layer) for index in range(n_head)]
    return Look(
        step if step in film.steps else before.step,
        (head[0], head[1]) if isinstance(head, list) and head in heads else None,
        pinned if pinned in film.steps else None,
        kind if kind in film.scores and kind != (before.kind or film.kind) else before.kind,
    )
