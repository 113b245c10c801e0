"""Write a token or a head on an axis, a button or a cell."""

import unicodedata
from collections.abc import Sequence

MARKS = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "": "∅"}
CARRIER = "◌"  # carries a combining mark that has no letter
NO_INK = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs"}  # Unicode categories without a visible glyph
# Letters, marks and symbols that draw nothing: fillers, inherent vowels, the empty Braille cell, variation selectors
BLANK = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0, 0x16FE4}
BLANK |= {0x1D159, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}


def visible(token: str) -> str:
    """Make whitespace, control characters and all other invisible characters of a token visible.

    >>> visible(" the\\n"), visible("\\u200b"), visible("\\u0301")
    ('·the⏎', '\\\\u200b', '◌́')
    """
    return spelled(token).replace(" ", MARKS[" "]) or MARKS[""]


def spelled(text: str) -> str:
    """Make invisible characters visible, except spaces.

    >>> spelled("a b\\t")
    'a b⇥'
    """
    return "".join(_carried(before, character) for before, character in zip(f" {text}", text, strict=False))


def _carried(before: str, character: str) -> str:
    """Return the character; a combining mark without a letter before it gets a carrier."""
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
    """Return axis labels with positions, so that equal tokens differ. first: position of the first token.

    >>> labels(["a", " ", "a"])
    ['0 a', '1 ·', '2 a']
    """
    return [f"{position} {visible(token)}" for position, token in enumerate(tokens, first)]


def head_name(layer: int, head: int) -> str:
    """Write a head as TransformerLens does.

    >>> head_name(1, 0)
    'L1H0'
    """
    return f"L{layer}H{head}"


def escaped(text: str) -> str:
    """Escape text for Plotly's labels, which read HTML tags.

    >>> escaped("<b>")
    '&lt;b&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
