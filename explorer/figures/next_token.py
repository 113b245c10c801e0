"""The distribution over the next token, as bars."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import visible


def next_token_bars(
    tokens: Sequence[str], probabilities: np.ndarray, *, top: int = 12, chosen: str | None = None
) -> go.Figure:
    """Draw the likeliest next tokens, largest first, and what all the others have together.

    tokens: V strings; probabilities: (V,), each in [0, 1]; `chosen` is the token that was drawn, if one was: it is
    coloured, and stands below the others where it is not among the `top`. Raises ValueError on another shape.
    Source: lecture 00:22:11.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.shape != (len(tokens),):
        raise ValueError(f"{len(tokens)} tokens need as many probabilities, not an array of {probabilities.shape}")
    order = np.argsort(-probabilities, kind="stable")
    shown = list(order[:top])
    if chosen is not None and chosen in tokens and (index := list(tokens).index(chosen)) not in shown:
        shown.append(index)
    names = [visible(tokens[i]) for i in shown]
    values = [float(probabilities[i]) for i in shown]
    colors = [style.SECOND if tokens[i] == chosen else style.ACCENT for i in shown]
    others = len(tokens) - len(shown)
    if others > 0:
        names.append(f"{others} others")
        values.append(max(0.0, 1.0 - sum(values)))
        colors.append(style.MUTED)
    bars = go.Bar(
        x=values,
        y=list(range(len(names))),
        orientation="h",
        marker={"color": colors},
        text=[f"{value:.1%}" for value in values],
        textposition="outside",
        cliponaxis=False,
        customdata=names,
        hovertemplate="%{customdata}  %{x:.4f}<extra></extra>",
    )
    drawn = style.figure(bars, height=26 * (top + 2) + 16, bargap=0.25)
    drawn.update_xaxes(range=[0, max(values, default=1.0) * 1.15 or 1.0], visible=False)
    drawn.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=names,
        tickfont={"family": style.MONOSPACE},
        range=[top + 1.6, -0.6],
        showgrid=False,
    )
    return drawn
