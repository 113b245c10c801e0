"""How a token is written where it stands alone: on an axis, a button or a cell."""

import unicodedata
from collections.abc import Sequence

_VISIBLE = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "": "∅"}


def visible(token: str) -> str:
    """The token with its whitespace and control characters made visible.

    >>> visible(" the\\n")
    '·the⏎'
    """
    return "".join(map(_visible_character, token)) or _VISIBLE[""]


def _visible_character(character: str) -> str:
    if character in _VISIBLE:
        return _VISIBLE[character]
    if unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"}:
        return f"\\u{ord(character):04x}"
    return character


def labels(tokens: Sequence[str], first: int = 0) -> list[str]:
    """Axis labels that tell equal tokens apart: each with its position, counted from `first`.

    >>> labels(["a", " ", "a"])
    ['0 a', '1 ·', '2 a']
    """
    return [f"{position} {visible(token)}" for position, token in enumerate(tokens, first)]


def escaped(text: str) -> str:
    """The text for Plotly's labels, which read a small HTML.

    >>> escaped("<b>")
    '&lt;b&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
