"""The gradient at each block."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style

HEIGHT = 340  # pixels
FLOOR = 1e-12  # smaller norms are drawn here: a logarithm has no zero


def gradients_by_depth(norms: Mapping[str, np.ndarray]) -> go.Figure:
    """Draw the gradient's norm at every block, one line for each kind of model, on a logarithmic axis. norms: name → (n_layer,).

    Source: lecture 01:26:48.
    """
    traces = [
        go.Scatter(
            x=list(range(len(values))),
            y=np.maximum(values, FLOOR),
            mode="lines+markers",
            name=name,
            line={"color": color},
            hovertemplate="block %{x}: %{y:.2e}",
        )
        for (name, values), color in zip(norms.items(), style.OKABE_ITO, strict=False)
    ]
    drawn = style.figure(*traces, height=HEIGHT, showlegend=True, margin={"t": 48})
    drawn.update_layout(legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"})
    drawn.update_xaxes(
        title="block; block 0 is the first after the embedding",
        showgrid=False,
        dtick=max(1, len(next(iter(norms.values()))) // 8),
    )
    drawn.update_yaxes(title="norm of the gradient", type="log", exponentformat="power")
    return drawn
