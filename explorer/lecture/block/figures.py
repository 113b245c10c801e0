"""The gradient at each block."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style

HEIGHT = 340  # pixels
FLOOR = 1e-12  # smaller norms are drawn here: a logarithm has no zero


def gradients_by_depth(norms: Mapping[str, np.ndarray]) -> go.Figure:
    """Draw the gradient's norm at every block, one line per model, on a logarithmic axis. norms: name → (n_layer,).

    Source: lecture 01:26:48.
    """
    x, hover = list(range(len(next(iter(norms.values()))))), "block %{x}: %{y:.2e}"
    traces = [
        style.line(x, np.maximum(values, FLOOR), color, 2, "lines+markers", name=name, hovertemplate=hover)
        for (name, values), color in zip(norms.items(), style.OKABE_ITO, strict=False)
    ]
    drawn = style.figure(*traces, height=HEIGHT, showlegend=True, margin={"t": 48})
    drawn.update_layout(legend=style.LEGEND)
    title = "block; block 0 is the first after the embedding"
    drawn.update_xaxes(title=title, showgrid=False, dtick=max(1, len(x) // 8))
    drawn.update_yaxes(title="norm of the gradient", type="log", exponentformat="power")
    return drawn
