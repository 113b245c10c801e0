"""The picture of a pattern for slides: what it says, what it draws, and that every number on it can be read."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.figures import style
from explorer.figures.picture import pattern_svg

SVG = "{http://www.w3.org/2000/svg}"


def drawn(T: int, tokens=None, **more) -> ElementTree.Element:
    weights = np.exp(np.random.default_rng(T).normal(size=(T, T)) * 2) * np.tri(T)
    return ElementTree.fromstring(
        pattern_svg(weights / weights.sum(-1, keepdims=True), tokens or ["a"] * T, causal=True, **more)
    )


def texts(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("dark", [False, True])
def test_it_says_what_it_shows(dark):
    picture = drawn(24, list("to be or not to be, that"), title="L1H0 of <b>", subtitle="to be\nor", dark=dark)
    said = texts(picture)
    assert {"L1H0 of <b>", "to be⏎or", "query (reads)", "key (is read)", "weight", "0 t", "2 ·", "23 t"} <= set(said)
    assert {"0", "0.06", "0.25", "0.56", "1"} <= set(said)
    ground = next(picture.iter(f"{SVG}rect"))
    assert ground.get("fill") == style.PAGE[dark] and ground.get("width") == picture.get("width")


@pytest.mark.parametrize("T", [1, 2, 8, 60, 250])
def test_labels_are_thinned_and_nothing_leaves_the_picture(T):
    picture = drawn(T, ["word" * 10] * T)
    width, height = (float(picture.get(side)) for side in ("width", "height"))
    rows = [float(text.get("y")) for text in picture.iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    gaps = np.diff(rows)
    assert len(rows) >= min(T, 20) and (gaps >= 14).all() and max(rows) < height
    squares = next(group for group in picture.iter(f"{SVG}g") if group.get("transform"))
    left, top, cell = (
        float(part)
        for part in squares.get("transform").translate(str.maketrans("()", "  ")).split()
        if part[0].isdigit()
    )
    assert left + T * cell < width - 60 and top + T * cell < height
    assert len(squares) == T * (T + 1) // 2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6), st.text(), st.text())
def test_any_text_is_well_formed(tokens, title, subtitle):
    assert drawn(len(tokens), tokens, title=title, subtitle=subtitle).tag == f"{SVG}svg"


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_are_readable_on_their_cells(dark):
    picture = drawn(12, dark=dark)
    page, fill = (
        np.array(list(bytes.fromhex(color[1:]))) for color in (style.PAGE[dark], style.OKABE_ITO[5 if dark else 0])
    )
    numbers = [text for text in picture.iter(f"{SVG}text") if text.get("fill")]
    squares = next(group for group in picture.iter(f"{SVG}g") if group.get("transform"))
    assert len(numbers) == len(squares) == 78
    for text, square in zip(numbers, squares, strict=True):
        opacity = float(square.get("opacity"))
        assert float(text.text) == pytest.approx(opacity**2, abs=0.006)
        ink = list(bytes.fromhex(text.get("fill")[1:]))
        assert style.contrast(ink, opacity * fill + (1 - opacity) * page) >= 4.4
