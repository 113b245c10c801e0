"""Figures that set models side by side."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.heatmap import pattern_heatmap
from explorer.figures.tokens import escaped

ROW = 64  # pixels
LONGEST_WORD = 16  # characters on an axis


def word_heatmap(pattern: np.ndarray, words: Sequence[str]) -> go.Figure:
    """Draw one head's attention between words, queries down, keys across. pattern: (W, W); a row may be NaN.

    Raises ValueError on another shape.
    """
    names = [word.strip(" ") or word for word in words]
    short = [name if len(name) <= LONGEST_WORD else f"{name[: LONGEST_WORD - 1]}…" for name in names]
    future = np.triu(np.ones(np.shape(pattern), dtype=bool), 1)
    drawn = pattern_heatmap(np.where(future & (np.asarray(pattern) == 0), np.nan, pattern), short)
    drawn.update_yaxes(title="word")
    drawn.update_xaxes(tickangle=-45)
    return drawn


def bits_bars(names: Sequence[str], bits: Sequence[float]) -> go.Figure:
    """Draw one bar a predictor, bits per character across; the first is the baseline that knows nothing.

    bits: one a name, each ≥ 0 and finite. Raises ValueError on other values, or where the two differ in length.
    Source: lecture 00:22:11.
    """
    values = np.asarray(bits, dtype=np.float64)
    if values.shape != (len(names),) or not len(names):
        raise ValueError(f"{len(names)} names need as many numbers, and at least one; got {values.shape}")
    if not np.all(np.isfinite(values) & (values >= 0)):
        raise ValueError(f"bits per character must be finite and at least 0; got {values.tolist()}")
    rows = list(range(len(names)))
    colors = [style.MUTED, *[style.head_color(i) for i in range(len(names) - 1)]]
    nats = [[name, value * np.log(2)] for name, value in zip(names, values, strict=True)]
    hover = "%{customdata[0]}<br>%{x:.3f} bits = %{customdata[1]:.3f} nats<extra></extra>"
    numbers = [f"{value:.3f}" for value in values]
    bars = style.bars(values, rows, colors, numbers, customdata=nats, hovertemplate=hover)
    drawn = style.figure(bars, height=ROW * len(names) + 40, bargap=0.55)
    drawn.update_xaxes(title="bits per character", range=[0, 1.18 * max(values.max(), 1e-9)], rangemode="tozero")
    drawn.update_yaxes(visible=False, range=[len(names) - 0.5, -0.75])
    for row, name in enumerate(names):
        place = {"x": 0, "y": row - 0.42, "xanchor": "left", "align": "left"}
        drawn.add_annotation(text=escaped(name), showarrow=False, font={"size": style.TEXT_SIZE}, **place)
    return drawn
