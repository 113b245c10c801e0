"""The person's choices (model, prompt, layer, head), in the session and in the URL.

The only home of `st.session_state` and of the URL. A choice is text here; `explorer/choice.py` gives it a type and
bounds. It has a place of its own in the session, apart from the widgets' keys, so it outlives the page it was made on.
It is written into the URL, so a copied link opens the same view.

The address is read before a page runs, and most pages are not imported then. So every parameter with a plain name is
kept: it may belong to another page. A link that holds too much does no harm: the longest choices are left out of the
address.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlencode

import streamlit as st

NAME = re.compile("[A-Za-z][A-Za-z0-9-]{0,31}")  # of a choice
SECTION = "section"  # in the address: the section that a link leads to
MOST = 64  # choices in a link
LONGEST_PROMPT = 10_000  # characters
LONGEST_LINK = 32_000  # characters, percent-encoded; servers refuse request lines of 64 KB
RENAMED = {  # name of a choice in old links → its name today
    "B": "batch", "T": "block", "against": "right", "at": "walk", "own": "own-text", "between": "between-stages",
    "cross": "cross-head", "depth": "blocks", "heads": "head-count", "maps": "attention-of", "moment": "measured",
    "off": "replacement", "out": "taken-out", "over": "norm-over", "place": "column", "reads": "x-reads",
    "second": "second-prompt", "seen": "norm-batches", "size": "scaled-size", "start": "matrix",
    "twins": "scaled-when", "vectors": "position-vectors", "whole": "all-positions", "word": "letters",
    "batches-seen": "norm-batches", "head-size": "scaled-size", "looks-at": "x-reads", "mask": "causal",
    "normalise": "norm-over", "positions": "position-vectors", "stages": "between-stages",
    "twins-measured": "scaled-when",
}  # fmt: skip
WIDGET = "widget:"
REWORDED = {("matrices", "trained below"): "trained"}  # a choice in old links → its text today
GRACE = 1.0  # seconds in which a browser may still send the address that was just replaced


def read_choice(name: str) -> str | None:
    """The person's choice as text, or None where none was made.

    name: may have a part, "form.steps": the many choices of one form share a parameter in the link.
    """
    _read_address()
    group, part = _split(name)
    written = _choices().get(group)
    return _parts(written).get(part) if part else written


def write_choices(**choices: str | float | Sequence | None) -> None:
    """Make choices (None unmakes one) and write them into the URL. Good as a widget's callback."""
    chosen = _choices()
    for name, value in choices.items():
        group, part = _split(name)
        text = as_text(value)
        if part:
            parts = _parts(chosen.get(group)) | {part: text}
            text = ",".join(f"{key}:{quote(each, safe='')}" for key, each in parts.items() if each is not None) or None
        chosen.pop(group, None) if text is None else chosen.update({group: text})
    _write_address()


def as_text(value: str | float | Sequence | None) -> str | None:
    """A choice as it is written in a link; None where there is none."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or None
    return None if value is None else str(value)


def tie_widget(
    name: str, shown: Any, labels: Mapping[Any, str] | None = None, **along: str | int | None
) -> dict[str, Any]:
    """Keyword arguments that tie a widget to the choice `name`, showing `shown` now.

    labels: option → label, where labels depend on more than the option, as those of a prompt's tokens do. A browser
    knows an option by its label, and sends the old label until it has the new one; such a label is not a pick. along:
    choices that a pick makes or (None) unmakes.

    The server keeps the widget's value while the page does not show it, and after an interrupted run. With
    `persist_state`, Streamlit sends this value to every browser that does not report the widget. Without it, such a
    browser would show the widget's smallest value while the page uses `shown` (Streamlit issues 4247 and 5813).

    >>> st.selectbox("Model", names, **state.tie_widget("model", "shakespeare-char"))  # doctest: +SKIP
    """
    key = f"{WIDGET}{name}"
    label = labels and labels.get(shown)
    if st.session_state.get(key) != shown or recall(f"label:{name}") != label:
        st.session_state[key] = shown
    remember(f"label:{name}", label)
    return {"key": key, "on_change": _take, "args": (name, key, labels, along), "persist_state": "page"}


def tie_action(key: str, shown: Any, act: Callable[[Any], None]) -> dict[str, Any]:
    """Keyword arguments of a widget that shows `shown`, and calls `act(value)` when the person picks a value."""
    if st.session_state.get(key) != shown:
        st.session_state[key] = shown
    return {"key": key, "on_change": lambda: act(st.session_state[key]), "persist_state": "page"}


def peek_choice(name: str) -> str | None:
    """The person's choice as text, before it is known which page runs. The address stays as it is."""
    return (_address() or _choices()).get(name)


def enter(page: str) -> None:
    """Note the page and read the address. On another page, widgets start from the choices, not from old values.

    The address is read before the page runs: a click in the menu replaces it, perhaps before the page reads a choice.
    """
    if recall("page") != page:
        for key in [key for key in st.session_state if str(key).startswith(WIDGET)]:
            del st.session_state[key]
        remember("visits", recall("visits", 0) + 1)
        remember(SECTION, "")
    remember("page", page)
    _take_section()
    _read_address()


def asked_section() -> tuple[str, int]:
    """The section of this page that a link asked for, "" where none did, and the number of the link."""
    return recall(SECTION, ""), recall("links to sections", 0)


def is_link() -> bool:
    """Whether the address holds any choice."""
    return bool(_address())


def given_choices() -> dict[str, str]:
    """What the address holds, with the names that it uses."""
    return st.query_params.to_dict()


def link() -> str:
    """The address of this page with the choices that fit into it."""
    return f"{st.context.url}?{urlencode(_fitting(_choices()), safe=':,')}"


def fits_link(name: str) -> bool:
    """Whether the address holds this choice; the longest are left out where a link would grow too long."""
    return name in _fitting(_choices()) or name not in _choices()


def remember(name: str, value: Any) -> None:
    """Keep a value for this session, such as a result that a rerun must not compute again."""
    st.session_state[f"kept:{name}"] = value


def recall(name: str, default: Any = None) -> Any:
    """The value that `remember` kept under this name, or `default`."""
    return st.session_state.get(f"kept:{name}", default)


def component_value(key: str, name: str) -> Any:
    """The value `name` that the component with this key reported last, or None."""
    return (st.session_state.get(key) or {}).get(name)


def _choices() -> dict[str, str]:
    """Every choice that was made: name → text."""
    return st.session_state.setdefault("choices", {})


def _split(name: str) -> tuple[str, str]:
    """The name in the link, and the part of a form's choice.

    >>> _split("form.steps"), _split("layer")
    (('form', 'steps'), ('layer', ''))
    """
    group, _, part = name.partition(".")
    if not NAME.fullmatch(group):
        raise ValueError(f"{group!r} cannot name a choice; use letters, digits and hyphens")
    return RENAMED.get(group, group), part


def _fitting(choices: Mapping[str, str]) -> dict[str, str]:
    """The choices that a link holds; the longest are left out where it would grow too long."""
    lengths = {name: len(quote_plus(text)) + len(name) + 2 for name, text in choices.items()}
    kept = dict(choices)
    for name in sorted(lengths, key=lengths.__getitem__, reverse=True):
        if sum(lengths[each] for each in kept) <= LONGEST_LINK:
            break
        del kept[name]
    return kept


def _parts(written: str | None) -> dict[str, str | None]:
    """The choices of a form, from the text that `write_choices` writes: part → its choice."""
    pairs = (each.partition(":") for each in (written or "").split(",") if ":" in each)
    return {part: unquote(text) for part, _, text in pairs}


def _take(name: str, key: str, labels: Mapping[Any, str] | None, along: dict[str, str | int | None]) -> None:
    value = st.session_state[key]
    if labels is None or value is None or value in labels:
        write_choices(**along | {name: value})


def _address() -> dict[str, str]:
    """The choices in the address; other parameters are not ours, and the next address is without them."""
    given = st.query_params.to_dict()  # one call for all: each costs Streamlit about 0.1 ms
    names = [name for name in given if NAME.fullmatch(name) and name != SECTION][:MOST]
    names.sort(
        key=lambda name: name not in RENAMED
    )  # a choice's name of today comes last, so it wins over its old name
    choices = {RENAMED.get(name, name): given[name] for name in names}
    return {name: REWORDED.get((name, text), text) for name, text in choices.items()}


def _take_section() -> None:
    """Note the section that the address asks for, and take it out of the address: it is no choice."""
    if SECTION in st.query_params:
        remember(SECTION, st.query_params[SECTION])
        remember("links to sections", recall("links to sections", 0) + 1)
        del st.query_params[SECTION]


def _read_address() -> None:
    """Read an address that the app did not write: an opened link, an edit, the Back button.

    A browser may still send the address that was just replaced, with a click made before it got the new one: it is
    ignored. Opening another page clears the address: then it is written again.
    """
    arrived = _address()
    if arrived == recall("written", {}):
        return
    if arrived and arrived == recall("written before") and time.monotonic() - recall("written at", 0.0) < GRACE:
        return
    if arrived:
        chosen, written = _choices(), recall("written", {})
        left_out = {name: text for name, text in chosen.items() if name not in written}
        chosen.clear()
        chosen.update(left_out | arrived)
    _write_address()


def _write_address() -> None:
    address = _fitting(_choices())
    if address == recall("written") == _address():
        return
    remember("written before", recall("written", {}))
    remember("written", address)
    remember("written at", time.monotonic())
    st.query_params.from_dict(address)
