"""Data and tokens: the page tells of the text what the text has."""

import json
from collections import Counter

import pytest

from explorer.lecture.data import panel as data
from explorer.lecture.data.figures import MOST, symbol_frequencies
from gpt import load_corpus
from tests.explorer.drawn import drawn, plots

TEXT = "addition"


@pytest.fixture
def data_page(open_app):
    def open_with(**choices: str):
        app = open_app(**{"text": TEXT} | choices).switch_page("../pages/data.py").run()
        assert not app.exception
        return app

    return open_with


def button(app, label):
    return next(found for found in app.button if found.label == label)


def cells(app, label):
    mounted = (json.loads(found.proto.bytes) for found in drawn(app))
    return next(found for found in mounted if found["label"] == label)


def test_the_numbers_are_the_texts_own(data_page):
    text = load_corpus(TEXT).text
    values = {metric.label: metric.value for metric in data_page().metric}
    assert values["Characters"] == f"{len(text):,}" and values["Different symbols"] == str(len(set(text)))
    assert values["Most frequent symbol"].endswith(f"{max(Counter(text).values()) / len(text):.1%}")


def test_another_excerpt_is_another_piece_of_the_text(data_page):
    app = data_page()
    first = app.code[1].value
    button(app, "Another excerpt").click().run()
    assert (
        first in load_corpus(TEXT).text and app.code[1].value in load_corpus(TEXT).text and app.code[1].value != first
    )


def test_the_two_sides_of_the_cut_meet(data_page):
    plain = [code.value for code in data_page().code if code.proto.language != "python"]
    text, sides = load_corpus(TEXT).text, plain[4:6]
    assert "".join(sides) in text and text.index("".join(sides)) + len(sides[0]) == int(0.9 * len(text))


def test_a_vocabulary_waits_for_a_guess(data_page):
    app = data_page()
    before = len(plots(app))
    button(app, "Just show it").click().run()
    assert not app.exception and len(plots(app)) == before + 1
    told = next(caption.value for caption in app.caption if "× shorter" in caption.value)
    assert told.startswith(f"The excerpt has {data.LENGTH} characters")


def test_a_chunk_is_unrolled_step_by_step(data_page):
    app = data_page(B="2", T="4", at="1")
    chunk = cells(app, "The batch, one chunk per row")["texts"][:5]
    shown = cells(app, "Examples, context then target")
    assert shown["rows"] == [2, 3] and shown["texts"] == chunk[:2] + chunk[:3]
    button(app, "Next").click().run()
    assert cells(app, "Examples, context then target")["rows"] == [2, 3, 4] and app.query_params["walk"] == "2"


def test_many_symbols_are_drawn_in_part_and_none_not_at_all():
    counts = {chr(200 + i): 1 for i in range(2 * MOST)}
    assert len(symbol_frequencies(counts).data[0].x) == MOST
    with pytest.raises(ValueError, match="no symbol"):
        symbol_frequencies({})
