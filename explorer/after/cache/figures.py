"""Figures of the KV cache: which rows a step computes, the time of a token, and the bytes of the cache."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.heatmap import token_axis

EARLIER = 0.3  # share of the colour of a row that an earlier step computed
ROW, AXES = 22, 60  # pixels


def computed_rows(computed: np.ndarray, tokens: Sequence[str], step: int) -> go.Figure:
    """Draw which tokens' rows each step computes; the steps after this one are empty.

    computed: (T, T) bool, steps down, tokens across; step: the step with a frame.
    """
    T = len(tokens)
    shown = np.where(computed, EARLIER, np.nan)
    shown[step] = np.where(computed[step], 1, np.nan)
    shown[step + 1 :] = np.nan
    hover = "step %{y} computes k and v of token %{x}<extra></extra>"
    drawn = style.figure(
        style.cells(shown, 1, xgap=1, ygap=1, hoverongaps=False, hovertemplate=hover), height=ROW * T + AXES
    )
    drawn.update_xaxes(range=[-0.5, T - 0.5], **token_axis(tokens))
    drawn.update_yaxes(title="step", range=[T - 0.5, -0.5], showgrid=False, nticks=6)
    style.draw_frame(drawn, (-0.5, step - 0.5), (T - 0.5, step + 0.5))
    return drawn


def token_times(lengths: Sequence[int], recomputed: Sequence[float], reused: Sequence[float]) -> go.Figure:
    """Draw the time of one more token against the length of the text. Times: ms."""
    curves = {"recompute": (recomputed, style.SECOND), "reuse": (reused, style.ACCENT)}
    lines = [
        style.line(lengths, times, color, mode="lines+markers", name=name, hovertemplate="%{y:.2f} ms at %{x} tokens")
        for name, (times, color) in curves.items()
    ]
    drawn = style.figure(*lines, height=340, showlegend=True, legend=style.LEGEND, margin={"t": 40})
    drawn.update_xaxes(title="tokens in the text", range=[0, 1.05 * max(lengths)], showgrid=False)
    drawn.update_yaxes(title="ms for one more token", rangemode="tozero")
    return drawn


def cache_sizes(heads: Sequence[int], sizes: Sequence[int], labels: Sequence[str], published: int) -> go.Figure:
    """Draw the bytes of the cache for each number of key and value heads; the published number has a strong colour."""
    rows = list(range(len(heads)))
    colors = [style.ACCENT if count == published else style.MUTED for count in heads]
    drawn = style.figure(
        style.bars(sizes, rows, colors, labels, hovertemplate="%{text}<extra></extra>"),
        height=34 * len(heads) + AXES,
        margin={"r": 90},
    )
    drawn.update_xaxes(title="bytes of the cache", range=[0, 1.15 * max(sizes)], showgrid=False)
    names = [f"{count} kv heads{' *' * (count == published)}" for count in heads]
    drawn.update_yaxes(tickvals=rows, ticktext=names, autorange="reversed")
    return drawn
