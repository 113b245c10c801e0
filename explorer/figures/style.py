"""The one palette and the one template that every figure uses.

Figures are transparent and set no text colour, so they follow the page's light or dark theme.
"""

import colorsys
import itertools
import re
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas  # noqa: F401  (Plotly fails if another thread is importing pandas; so it is imported first)
import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#B59F00", "#7F7F7F")
ACCENT = OKABE_ITO[0]
SECOND = OKABE_ITO[4]
MUTED = "#8A9199"
MANY_TICKS = 24  # on an axis of points or parts; of more, only some have a name
WHITE_ON_DARK = 0.25  # the share of white in a head's colour on a dark page

# Zero is transparent. The opacity is the square root of the weight, so that small weights show.
SEQUENTIAL = [[(step / 8) ** 2, f"rgba(0,114,178,{step / 8})"] for step in range(9)]
SEQUENTIAL_ON_DARK = [[(step / 8) ** 2, f"rgba(86,180,233,{step / 8})"] for step in range(9)]
DIVERGING = [[0, "rgba(213,94,0,1)"], [0.5, "rgba(213,94,0,0)"], [0.5, "rgba(0,114,178,0)"], [1, "rgba(0,114,178,1)"]]

HUES = {15: "red", 47: "orange", 70: "yellow", 170: "green", 190: "turquoise", 260: "blue", 300: "purple", 345: "pink"}
GREYEST = 0.12  # the largest spread of the three channels, as a share, that still looks grey


def word(color: str) -> str:
    """Return the word for a colour, so that texts and figures agree. color: `#rrggbb`, `rgb(…)` or `rgba(…)`.

    >>> word("#0072B2"), word("rgba(213,94,0,0.5)"), word("#8A9199")
    ('blue', 'orange', 'grey')
    """
    parts = re.findall(r"[\d.]+", color)[:3]
    channels = list(bytes.fromhex(color[1:])) if color.startswith("#") else list(map(float, parts))
    if max(channels) - min(channels) <= GREYEST * 255:
        return "grey"
    hue = 360 * colorsys.rgb_to_hls(*(channel / 255 for channel in channels))[0]
    return next((name for below, name in HUES.items() if hue < below), "red")


BELOW, ABOVE = word(DIVERGING[0][1]), word(DIVERGING[-1][1])  # zero, on the diverging scale

PAGE = ("#FFFFFF", "#111417")  # the background of a light page, of a dark one
INKS = ("#1F2328", "#E6E8EA", "#000000", "#FFFFFF")  # text: of a light page, of a dark one, and for strong colours
CONTRAST = 4.5  # of text and background, WCAG 2.2, 1.4.3

MONOSPACE = "ui-monospace, SF Mono, Cascadia Mono, Menlo, Consolas, DejaVu Sans Mono, monospace"
TEXT_SIZE = 14
LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}  # above the plot

TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": TEXT_SIZE},
        "colorway": OKABE_ITO,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hoverlabel": {"font": {"family": MONOSPACE, "size": TEXT_SIZE}},
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": False,
        "xaxis": {"automargin": True, "zeroline": False},
        "yaxis": {"automargin": True, "zeroline": False},
    }
)


def head_color(head: int, *, on_dark: bool = False) -> str:
    """Return the colour of this head on every page: Okabe–Ito for the first eight, then evenly spaced hues.

    head: ≥ 0. on_dark: mix with white, for thin lines on a dark page. Returns `#rrggbb`.
    """
    if head < len(OKABE_ITO):
        channels = [channel / 255 for channel in bytes.fromhex(OKABE_ITO[head][1:])]
    else:
        golden_turn = 0.618034
        channels = colorsys.hls_to_rgb((head * golden_turn) % 1.0, 0.5, 0.55)
    white = WHITE_ON_DARK if on_dark else 0
    return "#" + "".join(f"{round(255 * (channel + white * (1 - channel))):02x}" for channel in channels)


def difference_scale(top: float, *, on_dark: bool = False) -> list[list]:
    """Return the diverging scale from −top to top, with differences as positions: orange below zero, blue above.

    Zero is transparent. The opacity is the root of the size, so that small differences show. on_dark: lighter colours.
    """
    less, more = (OKABE_ITO[1], OKABE_ITO[5]) if on_dark else (OKABE_ITO[4], OKABE_ITO[0])
    stops = [(step / 4, _rgb(less if step < 0 else more)) for step in range(-4, 5)]
    return [[share * abs(share) * top, f"rgba({','.join(map(str, rgb))},{abs(share)})"] for share, rgb in stops]


def head_colors(heads: Sequence[int]) -> dict[str, list[str]]:
    """Return the colours of these heads on a light and on a dark page."""
    return {theme: [head_color(head, on_dark=theme == "dark") for head in heads] for theme in ("light", "dark")}


def figure(*traces: BaseTraceType, height: int, **layout) -> go.Figure:
    """Return a figure of these traces in the house style. height: pixels, fixed so that nothing jumps."""
    return go.Figure(data=list(traces), layout=go.Layout(template=TEMPLATE, height=height, **layout))


def line(x: Any, y: Any, color: str, width: float = 2, mode: str = "lines", **more: Any) -> go.Scatter:
    """Return a curve. more: Plotly's."""
    return go.Scatter(x=x, y=y, line={"color": color, "width": width}, mode=mode, **more)


def bars(values: Any, rows: Sequence[int] | Sequence[str], color: Any, text: Sequence[str], **more: Any) -> go.Bar:
    """Return one bar per row, to the right, with its text at the end. color: one, or one per row. more: Plotly's."""
    look = {"marker": {"color": color}, "orientation": "h", "textposition": "outside", "cliponaxis": False}
    return go.Bar(x=values, y=rows, text=text, **look, **more)


def cells(values: np.ndarray, top: float, **more: Any) -> go.Heatmap:
    """Return cells, blue above zero and orange below. top: the value with the strongest colour. more: Plotly's."""
    return go.Heatmap(z=values, zmin=-top, zmax=top, colorscale=DIVERGING, **{"showscale": False, **more})


def draw_frame(drawn: go.Figure, low: tuple[float, float], high: tuple[float, float], **line: Any) -> None:
    """Draw a frame around the cells between two corners (x, y). line: Plotly's."""
    line = {"color": SECOND, "width": 2, **line}
    drawn.add_shape(type="rect", x0=low[0], x1=high[0], y0=low[1], y1=high[1], line=line, layer="above")


def level(y: float, **line) -> dict:
    """Return a line across the plot at height y, for `layout.shapes`; ten times as fast as `add_hline`.

    line: Plotly's.
    """
    return {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def opaque(scale: Sequence, *, dark: bool) -> list[list]:
    """Mix a scale of `rgba(…)` with the page's background. Cells with text need it: their text colour stays readable
    when the theme changes."""
    return [[stop, f"rgb({','.join(map(str, color))})"] for stop, color in zip(*_on_page(scale, dark), strict=True)]


def inks(scale: Sequence, shares: np.ndarray, *, dark: bool) -> list[str]:
    """Return each cell's text colour on an `opaque` scale: the first readable one of `INKS`. shares: (n,) in 0 … 1."""
    stops, colors = _on_page(scale, dark)
    channels = zip(*colors, strict=True)
    cells = np.column_stack([np.interp(shares, stops, channel) for channel in channels])
    return [next(ink for ink in INKS if contrast(_rgb(ink), cell) >= CONTRAST) for cell in cells]


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the contrast ratio of two colours, 1 to 21. Colours: red, green, blue in 0 … 255. Source: WCAG 2.2."""
    darker, lighter = sorted(_luminance(color) for color in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Sequence[float]) -> float:
    share = np.asarray(color) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _rgb(color: str) -> list[int]:
    return list(bytes.fromhex(color[1:]))


def _on_page(scale: Sequence, dark: bool) -> tuple[list[float], list[list[float]]]:
    stops, colors = zip(*scale, strict=True)
    page, blended = _rgb(PAGE[dark]), []
    for color in colors:
        *channels, alpha = map(float, color[5:-1].split(","))
        blended.append([alpha * c + (1 - alpha) * p for c, p in zip(channels, page, strict=True)])
    return list(stops), blended


def some_ticks(names: Sequence[str]) -> dict[str, Any]:
    """Return the ticks of an axis of points or parts: all where they are few, else evenly spaced ones.

    The step is even, so that the names are of the same part of a layer.
    """
    every = 1 if len(names) <= MANY_TICKS else 2 * -(-len(names) // (2 * MANY_TICKS))
    ticks = list(range(0, len(names), every))
    return {"tickvals": ticks, "ticktext": [names[tick] for tick in ticks]}


def grey(figure: go.Figure) -> go.Figure:
    """Make all lines of a figure grey, each with another dash: its numbers are not the person's own."""
    dashes = itertools.cycle(("solid", "dash", "dot", "dashdot"))
    of_name: dict[str | None, str] = {}
    for trace in cast(tuple[Any, ...], figure.data):
        if trace.name and trace.name not in of_name:
            of_name[trace.name] = next(dashes)
        dash = of_name.get(trace.name, "solid")
        trace.update(line={"color": MUTED, "dash": dash}, marker={"color": MUTED})
    return figure
