"""A logit as the sum of what the parts of the model wrote towards it."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import head_name

ROW = 25  # pixels
SHOWN = 15  # parts with a bar of their own


def parts_bars(names: Sequence[str], values: Sequence[float]) -> go.Figure:
    """Draw the parts' contributions, largest first whatever their sign, and below them what all the others sum to.

    One name a value. Raises ValueError where they differ in number, or a value is not finite.
    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    """
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (len(names),) or not len(names) or not np.isfinite(values).all():
        raise ValueError(f"{len(names)} names need as many finite values, at least one; got {values.shape}")
    order = np.argsort(-np.abs(values), kind="stable")
    shown, rest = order[:SHOWN], order[SHOWN:]
    titles = [names[i] for i in shown] + [f"{len(rest)} others"] * bool(len(rest))
    sizes = [*values[shown].tolist(), *[values[rest].sum()] * bool(len(rest))]
    rows = list(range(len(titles)))
    signs = [style.ACCENT if size >= 0 else style.SECOND for size in sizes]
    bars = go.Bar(
        x=sizes,
        y=rows,
        orientation="h",
        marker={"color": signs[: len(shown)] + [style.MUTED] * bool(len(rest))},
        text=[f"{size:+.3f}" for size in sizes],
        textposition="outside",
        cliponaxis=False,
        customdata=titles,
        hovertemplate="%{customdata}  %{x:+.5f}<extra></extra>",
    )
    drawn = style.figure(bars, height=ROW * (SHOWN + 1) + 40, bargap=0.25)
    low, high = min(0.0, *sizes), max(0.0, *sizes)
    room = 0.3 * max(high - low, 1e-6)
    drawn.update_xaxes(range=[low - room * (low < 0), high + room], title="contribution to the logit", zeroline=True)
    drawn.update_yaxes(tickvals=rows, ticktext=titles, range=[SHOWN + 0.6, -0.6], showgrid=False)
    return drawn


def parts_map(heads: np.ndarray, mlps: np.ndarray) -> go.Figure:
    """Draw layers down, heads across, and the MLP as the last column; blue towards the token, orange away from it.

    heads: (n_layer, n_head); mlps: (n_layer,). Raises ValueError on other shapes.
    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    """
    heads, mlps = np.asarray(heads, dtype=np.float64), np.asarray(mlps, dtype=np.float64)
    if heads.ndim != 2 or mlps.shape != heads.shape[:1]:
        raise ValueError(f"a map needs (n_layer, n_head) heads and (n_layer,) MLPs; got {heads.shape} and {mlps.shape}")
    n_layer, n_head = heads.shape
    values = np.column_stack([heads, mlps])
    titles = [[*[head_name(layer, head) for head in range(n_head)], f"MLP {layer}"] for layer in range(n_layer)]
    top = float(np.abs(values).max()) or 1.0
    cells = go.Heatmap(
        z=values.astype(np.float32),
        zmin=-top,
        zmax=top,
        colorscale=style.DIVERGING,
        colorbar={"thickness": 10, "outlinewidth": 0},
        customdata=titles,
        hovertemplate="%{customdata}  %{z:+.5f}<extra></extra>",
        xgap=2,
        ygap=2,
    )
    drawn = style.figure(cells, height=max(200, 36 * n_layer + 60))
    drawn.update_xaxes(
        tickvals=list(range(n_head + 1)), ticktext=[*map(str, range(n_head)), "MLP"], title="head", showgrid=False
    )
    drawn.update_yaxes(tickvals=list(range(n_layer)), title="layer", range=[n_layer - 0.5, -0.5], showgrid=False)
    return drawn
