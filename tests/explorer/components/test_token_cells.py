import re
from pathlib import Path

import pytest

from explorer.components import token_cells
from explorer.components.token_cells import Scale, chips, rows, running_text
from explorer.figures import style

SCALE = Scale("nats", 4.0, ((0, "0"), (4, "4")))


def test_values_lie_on_the_bar_of_their_scale():
    assert [SCALE.place(value) for value in (0, 2, 4)] == [0, 0.5, 1]
    both_ways = Scale("nats", 4.0, (), diverging=True)
    assert [both_ways.place(value) for value in (-4, 0, 4)] == [0, 0.5, 1]


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="as many"):
        running_text(["a", "b"], [1.0, 2.0], ["note"], SCALE, label="", key="k")
    with pytest.raises(ValueError, match="as many"):
        chips(["a"], [1, 2], ["note"], label="", key="k")
    with pytest.raises(ValueError, match="as many"):
        rows([["a", "b"]], [[1]], [["x", "y"]], label="", key="k")


@pytest.mark.parametrize("dark", [False, True])
def test_tokens_and_their_marks_are_readable_on_every_colour(dark):
    sheet = Path(token_cells.__file__).with_name("cells.css").read_text(encoding="utf-8")
    strongest = int(re.search(r"calc\((\d+)% \* var\(--strength\)", sheet)[1]) / 100
    faint = float(re.search(r"\.mark { opacity: ([\d.]+)", sheet)[1])

    def over(color: str, share: float, ground: list[float]) -> list[float]:
        return [share * c + (1 - share) * g for c, g in zip(bytes.fromhex(color[1:]), ground, strict=True)]

    page, ink = list(bytes.fromhex(style.PAGE[dark][1:])), style.INKS[dark]
    for color in (*token_cells.HUES, token_cells.OTHER, style.OKABE_ITO[5 if dark else 0]):
        cell = over(color, strongest, page)
        for opacity in (1, faint):
            assert style.contrast(over(ink, opacity, cell), cell) >= style.CONTRAST
