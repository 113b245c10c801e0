"""Text on coloured cells is readable in both themes."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from explorer.figures import style

CONFIG = tomllib.loads((Path(__file__).parents[3] / "explorer" / ".streamlit" / "config.toml").read_text())


def channels(color: str) -> list[float]:
    if color.startswith("#"):
        return [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return [float(channel) for channel in color[4:-1].split(",")]


@pytest.mark.parametrize("scale", [style.SEQUENTIAL, style.SEQUENTIAL_ON_DARK, style.DIVERGING])
@pytest.mark.parametrize("dark", [False, True])
def test_ink_is_readable_over_the_whole_scale(scale, dark):
    shares = np.linspace(0, 1, 1001)
    stops, colors = zip(*style.opaque(scale, dark=dark), strict=True)
    cells = np.column_stack([np.interp(shares, stops, channel) for channel in zip(*map(channels, colors), strict=True)])
    inks = style.inks(scale, shares, dark=dark)
    assert min(style.contrast(channels(ink), cell) for ink, cell in zip(inks, cells, strict=True)) >= 4.5


def test_nothing_is_the_pages_own_background():
    for dark, theme in enumerate(("light", "dark")):
        page, text = CONFIG["theme"][theme]["backgroundColor"], CONFIG["theme"][theme]["textColor"]
        assert (style.PAGE[dark], style.INKS[dark]) == (page, text)
        for scale, none in ((style.SEQUENTIAL, 0), (style.DIVERGING, 0.5)):
            found = [color for stop, color in style.opaque(scale, dark=bool(dark)) if stop == none]
            assert all(channels(color) == channels(page) for color in found)
            assert style.inks(scale, np.array([none]), dark=bool(dark)) == [text]


def test_contrast_is_the_ratio_of_the_guideline():
    assert style.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert style.contrast((9, 9, 9), (9, 9, 9)) == 1
    assert style.contrast(channels("#767676"), (255, 255, 255)) == pytest.approx(4.54, abs=0.005)
