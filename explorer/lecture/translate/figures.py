"""The source tokens that a translating model reads, and its share of exact translations during training."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.curves import Numbers
from explorer.figures.tokens import escaped, visible

READ, CURVE = 230, 300  # pixels


def source_read(weights: np.ndarray, source: Sequence[str], marked: Sequence[int] = ()) -> go.Figure:
    """Draw one step's weights on the source: a bar for each token, those of `marked` in another colour.

    weights: (S,), they sum to 1; source: S tokens; marked: those that determine the written one. Raises ValueError on
    other shapes. Source: lecture 01:42:39.
    """
    if np.shape(weights) != (len(source),):
        raise ValueError(f"{len(source)} source tokens need a weight each, not an array of {np.shape(weights)}")
    places = list(range(len(source)))
    bars = go.Bar(
        x=places,
        y=weights,
        marker={"color": [style.SECOND if place in marked else style.ACCENT for place in places]},
        customdata=[f"{place} {visible(token)}" for place, token in zip(places, source, strict=True)],
        hovertemplate="%{customdata}<br>%{y:.4f}<extra></extra>",
    )
    drawn = style.figure(bars, height=READ, bargap=0.15)
    names = [escaped(visible(token)) for token in source]
    font = {"family": style.MONOSPACE}
    drawn.update_xaxes(tickvals=places, ticktext=names, tickangle=0, tickfont=font, showgrid=False)
    drawn.update_yaxes(range=[0, 1], title="weight", tickformat=".1f", nticks=3)
    return drawn


def exact_curve(steps: Numbers, shares: Numbers, *, end: int) -> go.Figure:
    """Draw the share of validation pairs that are translated exactly, over the steps up to `end`."""
    hover = "step %{x:,}: %{y:.1%}<extra></extra>"
    line = go.Scatter(x=list(steps), y=list(shares), mode="lines+markers", line={"width": 3}, hovertemplate=hover)
    drawn = style.figure(line, height=CURVE, uirevision=end)
    drawn.update_xaxes(range=[0, end], title="step", showgrid=False)
    drawn.update_yaxes(range=[-0.03, 1.03], title="translated exactly", tickformat=".0%")
    return drawn
