"""Training loss and validation loss of several models, and the gap between them."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.curves import Series, running_mean

HEIGHT = 400  # pixels


def loss_gaps(models: Mapping[str, tuple[Series, Series]], *, steps: int) -> go.Figure:
    """Draw each model's training loss, thin and dotted, and its validation loss, thick, in one colour.

    models: name → (training, validation) curves, possibly empty; steps: length of the axis. Raises ValueError on a
    curve with unequally many steps and losses. Source: lecture 01:37:49.
    """
    traces = []
    for (name, curves), color in zip(models.items(), style.OKABE_ITO, strict=False):
        looks: tuple[dict[str, Any], ...] = ({"line_dash": "dot"}, {"width": 3})
        for kind, (x, y), look in zip(("train", "validation"), curves, looks, strict=True):
            if len(x) != len(y):
                raise ValueError(f"{name}, {kind}: {len(x)} steps and {len(y)} losses; give one loss a step")
            losses, title = running_mean(y) if kind == "train" else y, f"{name}, {kind}"
            traces.append(style.line(x, losses, color, name=title, hovertemplate="%{y:.3f} nats", **look))
    drawn = style.figure(*traces, height=HEIGHT, hovermode="x unified", showlegend=True, uirevision=steps)
    drawn.update_layout(legend=style.LEGEND, margin={"t": 48})
    drawn.update_xaxes(range=[0, steps], title="step", showgrid=False)
    drawn.update_yaxes(title="loss, nats a token", rangemode="tozero")
    return drawn
