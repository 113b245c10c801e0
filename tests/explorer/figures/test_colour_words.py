"""A text says of a colour what is drawn: no text names one by itself, and the words are the hues of the colours."""

import ast
import colorsys
import re
from pathlib import Path

import numpy as np
import pytest

from explorer.components.token_cells import OTHER
from explorer.explore.attention import figures as weight
from explorer.explore.logits import figures as logits
from explorer.explore.residual import figures as residual
from explorer.explore.tokens import figures as text
from explorer.figures import matrix, style, vectors
from explorer.lecture.translate import figures as translation

ROOT = Path(__file__).parents[3]
WORD = re.compile(
    r"\b(red|orange|yellow|green|blue|purple|pink|gr[ae]y|turquoise|vermil\w+)\b(?!-badge)", re.IGNORECASE
)
FILES = [
    file
    for folder in ("explorer", "pages")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if file.name != "style.py"
]
ORANGE = (15, 47)  # degrees of hue
BLUE = (190, 260)


def strings(tree: ast.AST) -> list[tuple[str, bool]]:
    """All strings of a module, and whether each is a docstring."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, holders) and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.value, id(node) in docs)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_text_names_a_colour_by_itself(file):
    drawn = {style.word(color) for color in (style.ACCENT, style.SECOND, style.MUTED)}
    for value, is_doc in strings(ast.parse(file.read_text(encoding="utf-8"))):
        assert {word.lower() for word in WORD.findall(value)} <= (drawn if is_doc else set()), value


@pytest.mark.parametrize(
    ("color", "word"),
    [("#FF0000", "red"), ("#D55E00", "orange"), ("#E69F00", "orange"), ("#B59F00", "yellow"),
     ("#009E73", "green"), ("#0072B2", "blue"),
     ("#56B4E9", "blue"), ("#CC79A7", "pink"), ("#7F7F7F", "grey"),
     ("rgba(213,94,0,0.2)", "orange"), ("rgb(0,114,178)", "blue")],
)  # fmt: skip
def test_a_word_is_the_colours_hue(color, word):
    assert style.word(color) == word


def hue(color: str) -> float:
    channels = bytes.fromhex(color[1:]) if color.startswith("#") else map(float, re.findall(r"[\d.]+", color)[:3])
    return 360 * colorsys.rgb_to_hls(*(channel / 255 for channel in channels))[0]


def is_in(color: str, band: tuple[int, int]) -> bool:
    return band[0] <= hue(color) < band[1]


SIGNED = np.array([[1.0, -1.0], [-1.0, 1.0]])
DRAWN = {  # a figure whose caption names colours → (where it draws what is above zero or first, below or second)
    "similarity": matrix.similarity_map(SIGNED, axis="position"),
    "grid": matrix.number_grid(SIGNED, rows="a", columns="b"),
    "vectors": vectors.token_vectors(SIGNED, ["a", "b"], 0),
    "strips": weight.strips({"q": SIGNED[0], "k": SIGNED[1]}, [1, 1]),
    "parts": logits.parts_map(SIGNED, SIGNED[0]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_above_zero_and_below_are_drawn_as_they_are_called(name):
    cells = DRAWN[name].data[0]
    low, high = cells.colorscale[0][1], cells.colorscale[-1][1]
    assert is_in(high, BLUE) and style.ABOVE == "blue" and is_in(low, ORANGE) and style.BELOW == "orange"
    assert cells.zmin == -cells.zmax


def test_bars_are_drawn_as_they_are_called():
    writers, values = ["attention 0", "MLP 0"], np.ones((2, 2))
    attention, mlp = residual.by_writer(writers, values, ["a", "b"], 0, "norm").data[0].marker.color
    training, validation = (bar.marker.color for bar in text.split_bar(10, 9, []).data[:2])
    chosen, other = translation.source_read(np.array([0.5, 0.5]), "ab", [0]).data[0].marker.color
    for blue, orange in ((attention, mlp), (training, validation), (other, chosen)):
        assert is_in(blue, BLUE) and style.word(blue) == style.word(style.ACCENT) == "blue"
        assert is_in(orange, ORANGE) and style.word(orange) == style.word(style.SECOND) == "orange"
    above, below = logits.parts_bars(["a", "b"], np.array([2.0, -1.0])).data[0].marker.color
    assert is_in(above, BLUE) and is_in(below, ORANGE)
    assert is_in(OTHER, ORANGE)  # of the difference in surprise, on Compare


def test_pages_say_blue_and_orange(open_app):
    """The words as a person reads them, on a page of each kind: the lecture's, and the others that name colours."""
    expected = {
        "positions": "Blue: similar; orange: opposite", "translate": "Orange: the characters that determine this digit",
        "tokens": "(orange) is validation text",
        "compare": "orange the right one", "residual": "Blue is attention, orange the MLP",
        "logits": "orange against it",
        "attention": "Blue is above zero, orange below", "interventions": "Blue: this activation",
    }  # fmt: skip
    for page, words in expected.items():
        app = open_app(model="shakespeare-char", prompt="hear me speak").switch_page(f"../pages/{page}.py").run()
        assert any(words in found.value for found in app.caption), (page, [found.value for found in app.caption])
