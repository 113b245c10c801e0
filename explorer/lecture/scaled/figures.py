"""Attention scores against the head size, with and without the scale."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style

HEIGHT = 320  # pixels
MANY = 4  # powers of ten along an axis


def two_lines(
    sizes: np.ndarray, without: np.ndarray, scaled: np.ndarray, *, title: str, log: bool = False
) -> go.Figure:
    """Draw a quantity against the head size, without the scale 1/√size and with it.

    sizes, without, scaled: (n,). log: a logarithmic y axis; the x axis always is. Raises ValueError on unequal lengths.
    Source: lecture 01:16:56.
    """
    if not np.shape(sizes) == np.shape(without) == np.shape(scaled):
        raise ValueError(f"{np.shape(sizes)} sizes need as many values; got {np.shape(without)} and {np.shape(scaled)}")
    traces = [
        style.line(sizes, values, color, 2, "lines+markers", name=name, hovertemplate="size %{x}: %{y:.3f}")
        for name, values, color in (("q · k", without, style.SECOND), ("q · k / √size", scaled, style.ACCENT))
    ]
    drawn = style.figure(*traces, height=HEIGHT, showlegend=True, margin={"t": 32})
    drawn.update_layout(legend=style.LEGEND)
    drawn.update_xaxes(type="log", title="head size", tickvals=list(sizes), showgrid=False)
    scale: dict[str, Any] = {"type": "log", **_ticks(without, scaled)} if log else {"range": [0, 1.05]}
    drawn.update_yaxes(title=title, **scale)
    return drawn


def _ticks(*values: np.ndarray) -> dict[str, list]:
    """1, 2 and 5 times every power of ten around the values; only the powers where there are many."""
    positive = np.concatenate(values)
    positive = positive[positive > 0]
    if not len(positive):
        return {}
    powers = 10.0 ** np.arange(np.floor(np.log10(positive.min())), np.ceil(np.log10(positive.max())) + 1)
    places = np.outer(powers, [1, 2, 5] if len(powers) < MANY else [1]).ravel()
    return {"tickvals": places.tolist(), "ticktext": [f"{place:g}" for place in places]}
