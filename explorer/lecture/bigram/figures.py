"""The bigram's table: what follows each token."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped, visible

HEIGHT = 560  # pixels


def next_token_table(probabilities: np.ndarray, tokens: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Draw P(next token | present token), present down, next across; the background is 0.

    probabilities: (V, V), each row sums to 1; tokens: all V, each another; dark: the kind of page. Raises ValueError on another shape.
    Source: lecture 00:22:11.
    """
    V = len(tokens)
    if np.shape(probabilities) != (V, V) or not V:
        raise ValueError(
            f"a table of shape {np.shape(probabilities)} does not belong to {V} tokens; it must be ({V}, {V})"
        )
    names = [escaped(visible(token)) for token in tokens]
    cells = go.Heatmap(
        x=names,
        y=names,
        z=np.asarray(probabilities, dtype=np.float32),
        zmin=0,
        zmax=1,
        colorscale=style.SEQUENTIAL_ON_DARK if dark else style.SEQUENTIAL,
        showscale=False,
        hovertemplate="after %{y} comes %{x}<br>%{z:.2%}<extra></extra>",
    )
    drawn = style.figure(cells, height=HEIGHT)
    axis = {"type": "category", "tickfont": {"family": style.MONOSPACE, "size": 10}, "showgrid": False}
    drawn.update_xaxes(title="next", tickangle=0, **axis)
    drawn.update_yaxes(title="present", autorange="reversed", **axis)
    return drawn
