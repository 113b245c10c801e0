"""How a token, and a head, is written where it is shown by itself: on an axis, a button or a cell."""

import unicodedata
from collections.abc import Sequence

MARKS = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "": "∅"}
CARRIER = "◌"  # carries a combining mark that has no letter of its own
NO_INK = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"}  # categories that draw nothing, or a box in place of it
# Letters, marks and symbols that draw nothing: fillers, inherent vowels, the empty Braille cell, variation selectors
BLANK = {
    0x034F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    0x180B,
    0x180C,
    0x180D,
    0x180F,
    0x2800,
    0x3164,
    0xFFA0,
    0x16FE4,
    0x1D159,
}
BLANK |= {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}


def visible(token: str) -> str:
    """The token with whitespace, control characters and everything else that draws nothing made visible.

    >>> visible(" the\\n"), visible("\\u200b"), visible("\\u0301")
    ('·the⏎', '\\\\u200b', '◌́')
    """
    return spelled(token).replace(" ", MARKS[" "]) or MARKS[""]


def spelled(text: str) -> str:
    """The text as `visible` writes it, but with its spaces as they are.

    >>> spelled("a b\\t")
    'a b⇥'
    """
    return "".join(_carried(before, character) for before, character in zip(f" {text}", text, strict=False))


def _carried(before: str, character: str) -> str:
    """The character as it is written, a combining mark on a carrier where what is before it does not carry it."""
    shown = _written(character)
    is_mark = shown == character and unicodedata.category(character).startswith("M")
    return CARRIER + shown if is_mark and (before == " " or _written(before) != before) else shown


def _written(character: str) -> str:
    if character in MARKS:
        return character if character == " " else MARKS[character]
    if unicodedata.category(character) in NO_INK or ord(character) in BLANK:
        return f"\\u{ord(character):04x}"
    return character


def labels(tokens: Sequence[str], first: int = 0) -> list[str]:
    """Axis labels that tell equal tokens apart: each with its position, counted from `first`.

    >>> labels(["a", " ", "a"])
    ['0 a', '1 ·', '2 a']
    """
    return [f"{position} {visible(token)}" for position, token in enumerate(tokens, first)]


def head_name(layer: int, head: int) -> str:
    """A head as every page writes it.

    >>> head_name(1, 0)
    'L1H0'
    """
    return f"L{layer}H{head}"


def escaped(text: str) -> str:
    """The text for Plotly's labels, which read a small HTML.

    >>> escaped("<b>")
    '&lt;b&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
