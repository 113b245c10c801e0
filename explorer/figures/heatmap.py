"""Heatmaps: one cell per head, and the pattern of one head."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped, labels, visible

ROW, LOW_ROW = 44, 22  # pixels per layer, where there are few and where there are many
MANY = 16  # layers
AXES = 76  # pixels for the axis below
WIDEST_WITH_NUMBERS = 8  # heads in a row; with more, cells have no room for numbers
MOST_TICKS = 32  # tokens; a longer axis names a quarter as many


def number(value: float) -> str:
    """Format a signed number with two decimals; a dash for NaN.

    >>> number(-0.25)
    '−0.25'
    """
    return "–" if np.isnan(value) else f"{value:+.2f}".replace("-", "−")


def row_height(n_layer: int) -> int:
    """Return the pixels of a row in a map with a row per layer."""
    return ROW if n_layer <= MANY else LOW_ROW


def head_map(
    values: np.ndarray,
    *,
    top: float,
    unit: str = "",
    marked: np.ndarray | None = None,
    chosen: tuple[int, int] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw one number per head, layers down, heads across: blue above zero, orange below, empty where it is NaN.

    values: (n_layer, n_head); top: the value (above 0) with the strongest colour; unit: shown after a value on hover;
    marked: (n_layer, n_head) bool, the cells with a solid frame; chosen: the (layer, head) with a dashed frame. dark:
    draw for a dark page. An invisible marker on each cell takes clicks; its customdata is [layer, head]. Raises
    ValueError on other shapes, or a top that is not above 0.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or (marked is not None and np.shape(marked) != values.shape) or not top > 0:
        raise ValueError(f"values {values.shape} and marks must be (n_layer, n_head), and top={top} above 0")
    n_layer, n_head = values.shape
    hover = f"L%{{y}}H%{{x}}<br>%{{text}}{' ' * bool(unit)}{unit}<extra></extra>"
    cells = style.cells(values, top, xgap=2, ygap=2, hoverinfo="skip")
    cells.colorscale = style.opaque(style.DIVERGING, dark=dark)
    layers, heads = (axis.ravel().tolist() for axis in np.indices(values.shape))
    numbers = [number(value) for value in values.ravel()]
    places = [list(place) for place in zip(layers, heads, strict=True)]
    row = row_height(n_layer)
    look: dict[str, Any] = {"mode": "markers", "marker": {"size": row - 10, "symbol": "square", "opacity": 0}}
    clicks = go.Scatter(x=heads, y=layers, text=numbers, customdata=places, hovertemplate=hover, **look)
    drawn = style.figure(cells, clicks, height=row * n_layer + AXES, clickmode="event+select")
    drawn.update_layout(plot_bgcolor=style.PAGE[dark])
    if n_head <= WIDEST_WITH_NUMBERS:
        shares = np.clip(np.nan_to_num(values).ravel() / top, -1, 1) / 2 + 0.5
        ink = style.inks(style.DIVERGING, shares, dark=dark)
        drawn.add_scatter(x=heads, y=layers, mode="text", text=numbers, textfont={"color": ink}, hoverinfo="skip")
    drawn.update_xaxes(title="head", tickvals=list(range(n_head)), range=[-0.5, n_head - 0.5], showgrid=False)
    drawn.update_yaxes(title="layer", tickvals=list(range(n_layer)), range=[n_layer - 0.5, -0.5], showgrid=False)
    for layer, head in np.argwhere(marked).tolist() if marked is not None else []:
        _frame(drawn, layer, head, "solid")
    if chosen is not None:
        _frame(drawn, *chosen, "dot")
    return drawn


def pattern_heatmap(pattern: np.ndarray, tokens: Sequence[str]) -> go.Figure:
    """Draw one head's attention pattern, queries down, keys across. Masked cells are empty.

    pattern: (T, T) probabilities, each row sums to 1, or NaN. Raises ValueError on another shape. Source: lecture
    1:02:00.
    """
    pattern = np.asarray(pattern, dtype=np.float32)
    T = len(tokens)
    if pattern.shape != (T, T):
        raise ValueError(f"a pattern of shape {pattern.shape} does not belong to {T} tokens; it must be ({T}, {T})")
    if T == 0:
        raise ValueError("there is no token to draw a pattern of")
    names = labels(tokens)
    keys = np.broadcast_to(np.array(names, dtype=object), (T, T))
    look: dict[str, Any] = {"colorscale": style.SEQUENTIAL, "showscale": False, "hoverongaps": False}
    look["hovertemplate"] = "%{text} reads from %{customdata}<br>%{z:.4f}<extra></extra>"
    cells = go.Heatmap(z=pattern, zmin=0, zmax=1, text=keys.T, customdata=keys, **look)
    drawn = style.figure(cells, height=520)
    axis = token_axis(tokens)
    drawn.update_xaxes(title="reads from", tickangle=0, **axis)
    drawn.update_yaxes(title="token", autorange="reversed", **axis)
    return drawn


def token_axis(tokens: Sequence[str]) -> dict[str, Any]:
    """Return an axis with one place per token: all are named where they are few, else some, with their position."""
    T = len(tokens)
    ticks = list(range(T)) if T <= MOST_TICKS else list(range(0, T, -(-4 * T // MOST_TICKS)))
    names = [visible(token) for token in tokens] if T <= MOST_TICKS else labels(tokens)
    shown = [escaped(names[tick]) for tick in ticks]
    return {"tickvals": ticks, "ticktext": shown, "tickfont": {"family": style.MONOSPACE}, "showgrid": False}


def _frame(drawn: go.Figure, layer: int, head: int, dash: str) -> None:
    line = {"color": style.SECOND if dash == "dot" else style.MUTED, "width": 3, "dash": dash}
    style.draw_frame(drawn, (head - 0.47, layer - 0.46), (head + 0.47, layer + 0.46), **line)
