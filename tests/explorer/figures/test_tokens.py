"""Every token has a label that can be seen, and different characters have different ones."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from explorer.components.attention_view.packing import shorten
from explorer.figures.tokens import MARKS, labels, spelled, visible
from explorer.shared.widgets import plain

INKED = {"L", "N", "P", "S"}  # categories that draw something of their own
UNICODE_BLANKS = (
    "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e"
    "\u200b\u200d\u2060\u2800\u3164\ufe0f\ufeff\uffa0\U000e0100\U0001d159"
)
HEARTS = ["\u2764", "\ufe0f"]


def is_seen(text: str) -> bool:
    """Whether every combining mark has something to its left, and something here draws ink."""
    kinds = [unicodedata.category(character)[0] for character in text]
    carried = all(kind != "M" or kinds[i - 1] in INKED | {"M"} for i, kind in enumerate(kinds) if i) and kinds[0] != "M"
    return carried and bool(INKED.intersection(kinds)) and not any(character in text for character in UNICODE_BLANKS)


@settings(max_examples=500, deadline=None)
@given(st.characters())
@example("\u05b8")
@example("\u20e3")
@example("\ufe0f")
@example("\u3164")
def test_every_character_is_seen(character):
    shown = visible(character)
    assert is_seen(shown) and shown.isprintable() and " " not in shown


@pytest.mark.parametrize("character", UNICODE_BLANKS)
def test_what_draws_nothing_is_written_as_its_code(character):
    assert visible(character) == f"\\u{ord(character):04x}"


@given(st.characters(), st.characters())
@example("\ufe0e", "\ufe0f")
@example("\u05b8", "\u05b7")
@example("\u200b", "\u200c")
def test_different_characters_have_different_labels(one, other):
    assert (visible(one) == visible(other)) == (one == other) or {one, other} & set(MARKS.values())


@settings(deadline=None)
@given(st.text())
@example(" \u0301a")
def test_a_token_of_any_length_is_seen_and_is_written_once(token):
    shown = visible(token)
    assert is_seen(shown) and shown.isprintable() and " " not in shown
    assert visible(shown) == shown
    assert spelled(token).replace(" ", "·") == shown or token == ""


def test_a_mark_stays_on_its_letter_and_gets_a_carrier_without_one():
    assert visible("e\u0301") == "e\u0301" and visible("\u05e9\u05b8") == "\u05e9\u05b8"
    assert visible("\u0301") == "◌\u0301" and visible(" \u0301") == "·◌\u0301" and visible("\n\u0301") == "⏎◌\u0301"


def test_maps_lists_and_messages_all_show_them():
    assert shorten(HEARTS) == ["❤", "\\ufe0f"] and labels(HEARTS) == ["0 ❤", "1 \\ufe0f"]
    assert plain("e\u0301 \ufe0f") == "e\u0301 \\\\ufe0f"
