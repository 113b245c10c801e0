"""What the person has chosen: model, prompt, layer, head.

The only home of `st.session_state` and of the URL. A choice lives in the session under its own name, apart from the
widgets' keys, so it outlives the page it was made on; it is written into the URL, so a copied link opens the same view.
A choice is kept as it was made, even where a model cannot honour it: the page decides what it shows instead. A place that
the prompt does not have is dropped, so that no later prompt brings it back.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlencode

import streamlit as st

PARAMETERS = (
    *("model", "against", "run", "race", "at", "text", "vocabulary", "seed", "B", "T", "prompt"),
    *("layer", "head", "query", "key", "position", "norm", "point", "token", "rival"),
    *("threshold", "weights", "change", "strength", "changes", "second", "off"),
    *("step", "pinned", "compared", "coverage", "score", "color", "layers", "whole", "out", "patched", "chunk", "axis"),
    *("line0", "line1", "line2", "row", "place", "letter", "seen", "edits"),
    *(
        "excerpt",
        "window",
        "sentence",
        "matrices",
        "start",
        "table",
        "word",
        "shuffle",
        "mask",
        "reads",
        "size",
        "twins",
    ),
    *("vectors", "depth", "moment", "over", "rung", "heads"),
    *("tokens", "temperature", "top-k", "top-p", "hide"),
    *("translator", "source", "maps", "cross", "halves"),
    *("question", "between"),
    *("form", "own"),
)
LONG = ("prompt", "second")  # what a link leaves out where it would grow too long
LONGEST_PROMPT = 10_000  # characters
LONGEST_LINK = 32_000  # characters, percent-encoded; servers refuse request lines of 64 KB
WIDGET = "widget:"
GRACE = 1.0  # seconds in which a browser may still send the address that was just replaced


def choice(name: str) -> str | None:
    """The person's choice as text, or None where none was made.

    name: one of `PARAMETERS`; or one with a part, "form.steps": the many choices of one form share a parameter in the link.
    """
    _read_address()
    group, _, part = name.partition(".")
    written = st.session_state.get(_key(group))
    return _parts(written).get(part) if part else written


def number(name: str) -> int:
    """The person's choice as a number ≥ 0; 0 where none was made or where it is not a number."""
    text = choice(name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def decimal(name: str) -> float | None:
    """The person's choice as a number; None where none was made or where it is no finite number."""
    try:
        value = float(choice(name) or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def several(name: str) -> list[str]:
    """The person's choice of several, in their order; a link has commas between them."""
    return [each for each in (choice(name) or "").split(",") if each]


def choose(**choices: str | float | Sequence | None) -> None:
    """Make choices (None unmakes one) and write them into the URL. Good as a widget's callback."""
    for name, value in choices.items():
        group, _, part = name.partition(".")
        written = _written(value)
        if part:
            parts = _parts(st.session_state.get(_key(group))) | {part: written}
            written = (
                ",".join(f"{key}:{quote(text, safe='')}" for key, text in parts.items() if text is not None) or None
            )
        st.session_state[_key(group)] = written
    _write_address()


def bound(name: str, shown: Any, labels: Mapping[Any, str] | None = None, **along: str | int | None) -> dict[str, Any]:
    """Keyword arguments that tie a widget to the choice `name`, showing `shown` now.

    labels: option → its label, where labels depend on more than the option, as those of a prompt's tokens do. A browser knows
    an option by its label, and sends the old label until it has the new one; that is no pick.
    along: choices that a pick makes or (None) unmakes.

    The server keeps the widget's value while the page does not show it, and after a run that was stopped or interrupted.
    With `persist_state`, Streamlit sends this value to every browser that does not report the widget. Without it, such a
    browser would show the widget's smallest value while the page uses `shown` (Streamlit issues 4247 and 5813).

    >>> st.selectbox("Model", names, **state.bound("model", "shakespeare-char"))  # doctest: +SKIP
    """
    key = f"{WIDGET}{name}"
    label = labels and labels.get(shown)
    if st.session_state.get(key) != shown or recall(f"label:{name}") != label:
        st.session_state[key] = shown
    remember(f"label:{name}", label)
    return {"key": key, "on_change": _take, "args": (name, key, labels, along), "persist_state": "page"}


def enter(page: str) -> None:
    """Say which page is shown now. A widget's value does not follow to another page's widget; the choice behind it does.

    The address is read here, before the page runs: a click in the menu replaces it, perhaps before the page asks for a choice.
    """
    if recall("page") != page:
        for key in [key for key in st.session_state if str(key).startswith(WIDGET)]:
            del st.session_state[key]
        remember("visits", recall("visits", 0) + 1)
    remember("page", page)
    _read_address()


def is_link() -> bool:
    """Whether the address holds any choice."""
    return bool(_address())


def link() -> str:
    """The address of this page with all choices."""
    return f"{st.context.url}?{urlencode(_chosen(), safe=':,')}"


def fits_link() -> bool:
    """Whether the address holds the whole prompt; one that is too long for a link is left out of it."""
    return len(urlencode(_chosen())) <= LONGEST_LINK


def remember(name: str, value: Any) -> None:
    """Keep a value for this session: something computed on the person's behalf that a rerun must not lose."""
    st.session_state[f"kept:{name}"] = value


def recall(name: str, default: Any = None) -> Any:
    """What was remembered under this name, or `default`."""
    return st.session_state.get(f"kept:{name}", default)


def _key(name: str) -> str:
    if name not in PARAMETERS:
        raise ValueError(f"there is no choice called {name!r}; use one of {', '.join(PARAMETERS)}")
    return f"choice:{name}"


def _parts(written: str | None) -> dict[str, str | None]:
    """What the choices of a form are, as `choose` writes them: part → its choice."""
    pairs = (each.partition(":") for each in (written or "").split(",") if ":" in each)
    return {part: unquote(text) for part, _, text in pairs}


def _written(value: str | float | Sequence | None) -> str | None:
    """A choice as it is written in a link; None where there is none."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or None
    return None if value is None else str(value)


def _take(name: str, key: str, labels: Mapping[Any, str] | None, along: dict[str, str | int | None]) -> None:
    value = st.session_state[key]
    if labels is None or value is None or value in labels:
        choose(**along | {name: value})


def _chosen() -> dict[str, str]:
    choices = {name: st.session_state.get(_key(name)) for name in PARAMETERS}
    return {name: value for name, value in choices.items() if value is not None}


def _address() -> dict[str, str]:
    given = st.query_params.to_dict()  # one call for all: each costs Streamlit about 0.1 ms
    return {name: given[name] for name in PARAMETERS if name in given}


def _read_address() -> None:
    """Adopt an address that is not ours: a link that was opened, an edit, the Back button.

    An address that we have just replaced may still arrive with a click made meanwhile; it is not a wish to go back.
    Navigating to another page clears the address; that is no wish either, and it is filled in again.
    """
    arrived = _address()
    if arrived == recall("written", {}):
        return
    if arrived and arrived == recall("written before") and time.monotonic() - recall("written at", 0.0) < GRACE:
        return
    if arrived:
        kept = {} if fits_link() else {name: st.session_state.get(_key(name)) for name in LONG}
        for name in PARAMETERS:
            st.session_state[_key(name)] = (kept | arrived).get(name)
    _write_address()


def _write_address() -> None:
    fits = fits_link()
    address = {name: value for name, value in _chosen().items() if fits or name not in LONG}
    if address == recall("written") == _address():
        return
    remember("written before", recall("written", {}))
    remember("written", address)
    remember("written at", time.monotonic())
    st.query_params.from_dict(address)
