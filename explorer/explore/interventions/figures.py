"""Figures of interventions: the next token before and after, and effects by layer and position."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.heatmap import row_height, token_axis
from explorer.figures.tokens import escaped, labels, visible

ROW = 38  # pixels per token, for its two bars


def before_after_bars(tokens: Sequence[str], before: np.ndarray, after: np.ndarray) -> go.Figure:
    """Draw two bars per token: its probability before (grey) and after (blue), in the given order.

    tokens: n ≥ 1 strings; before, after: (n,) probabilities. Raises ValueError on other shapes, or values outside 0 …
    1. Source: lecture 0:22:11.
    """
    both = [np.asarray(values, dtype=np.float64) for values in (before, after)]
    if not tokens or any(values.shape != (len(tokens),) for values in both):
        raise ValueError(f"{len(tokens)} tokens need as many probabilities; got {both[0].shape} and {both[1].shape}")
    if not all(((values >= 0) & (values <= 1 + 1e-5)).all() for values in both):
        raise ValueError("probabilities must lie between 0 and 1; the model's logits may be no numbers")
    names = [visible(token) for token in tokens]
    rows = list(range(len(tokens)))
    bars = [
        style.bars(values, rows, color, [f"{value:.1%}" for value in values], name=name, customdata=names)
        for name, values, color in zip(("before", "after"), both, (style.MUTED, style.ACCENT), strict=True)
    ]
    drawn = style.figure(*bars, height=ROW * len(tokens) + 40, barmode="group", bargap=0.25, showlegend=True)
    drawn.update_layout(legend=style.LEGEND, margin={"t": 32})
    drawn.update_xaxes(range=[0, 1.18 * max(values.max() for values in both) + 1e-9], visible=False)
    drawn.update_traces(hovertemplate="%{customdata}  %{fullData.name} %{x:.4f}<extra></extra>")
    labels, font = [escaped(name) for name in names], {"family": style.MONOSPACE}
    drawn.update_yaxes(tickvals=rows, ticktext=labels, tickfont=font, range=[len(rows) - 0.5, -0.5], showgrid=False)
    return drawn


def position_map(effects: np.ndarray, tokens: Sequence[str], *, top: float) -> go.Figure:
    """Draw one number per layer and position, layers down: blue above zero, orange below.

    effects: (n_layer, T) in nats; tokens: T strings; top: the value (above 0) with the strongest colour.
    Raises ValueError on other shapes, or a top that is not above 0. Source: Meng et al. 2022, arXiv:2202.05262.
    """
    effects = np.asarray(effects, dtype=np.float64)
    T = len(tokens)
    if effects.ndim != 2 or effects.shape[1] != T or not T or not top > 0:
        raise ValueError(f"effects {effects.shape} must be (n_layer, {T}), one a token, and top={top} above 0")
    names = labels(tokens)
    notes = np.broadcast_to(np.array([escaped(name) for name in names], dtype=object), effects.shape)
    hover = "before layer %{y}, at %{customdata}<br>%{z:+.3f} nats<extra></extra>"
    cells = style.cells(effects, top, xgap=1, ygap=2, customdata=notes, hovertemplate=hover)
    drawn = style.figure(cells, height=row_height(len(effects)) * len(effects) + 76)
    drawn.update_xaxes(title="position", tickangle=0, **token_axis(tokens))
    rows = list(range(len(effects)))
    drawn.update_yaxes(title="before layer", tickvals=rows, range=[len(rows) - 0.5, -0.5], showgrid=False)
    return drawn
