"""One vector per token, as rows of cells."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.heatmap import token_axis
from explorer.figures.tokens import labels

ROW, AXIS = 26, 56  # pixels


def token_vectors(values: np.ndarray, tokens: Sequence[str], chosen: int, *, top: float | None = None) -> go.Figure:
    """Draw a vector for each token, one cell per feature: blue above zero, orange below. The chosen token has a frame.

    values: (T, d); chosen: 0 to T − 1; top: the number with the strongest colour (default: the largest). Raises
    ValueError on other shapes. Source: lecture 01:02:00.
    """
    values = np.asarray(values, dtype=np.float32)
    T = len(tokens)
    if values.ndim != 2 or len(values) != T or not 0 <= chosen < T:
        raise ValueError(f"{T} tokens need a vector each, and one of them chosen; got {values.shape} and {chosen}")
    names = np.array(labels(tokens), dtype=object)
    top = top or float(np.abs(values).max()) or 1.0
    hover = "%{text}, feature %{x}<br>%{z:.5f}<extra></extra>"
    cells = style.cells(values, top, ygap=2, text=np.broadcast_to(names[:, None], values.shape), hovertemplate=hover)
    drawn = style.figure(cells, height=ROW * T + AXIS)
    d = values.shape[1]
    drawn.update_xaxes(title="feature", range=[-0.5, d - 0.5], showgrid=False, tickformat="d", nticks=6)
    drawn.update_yaxes(range=[T - 0.5, -0.5], **token_axis(tokens))
    style.draw_frame(drawn, (-0.5, chosen - 0.5), (d - 0.5, chosen + 0.5))
    return drawn
