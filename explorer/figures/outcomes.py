"""Several metrics over the same steps, one above the other."""

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import style
from explorer.figures.curves import Series

ROW, AXES = 150, 90  # pixels: of one metric, of title and axis


def outcomes(metrics: Mapping[str, Mapping[str, Series]], *, steps: int) -> go.Figure:
    """Draw each metric in a panel of its own, with one line per run, in the same colour in every panel.

    metrics: title → run → its steps and values. steps: the smallest end of the x axis. Raises ValueError on a curve of
    unequal lengths. Source: lecture 1:48:53.
    """
    labels = list(dict.fromkeys(label for curves in metrics.values() for label in curves))
    figure = make_subplots(rows=len(metrics), shared_xaxes=True, vertical_spacing=0.09, subplot_titles=list(metrics))
    labelled: set[str] = set()
    for row, (title, curves) in enumerate(metrics.items(), 1):
        for label, (x, y) in curves.items():
            if len(x) != len(y):
                raise ValueError(f"{title} of {label}: {len(x)} steps and {len(y)} values; give one value per step")
            line = go.Scatter(
                x=list(x), y=list(y), name=label, legendgroup=label, showlegend=label not in labelled,
                mode="lines+markers",
                marker={"size": 4},
                line={"color": style.OKABE_ITO[labels.index(label) % len(style.OKABE_ITO)], "width": 2},
                hovertemplate="%{y:.3f} at step %{x:,}",
            )  # fmt: skip
            figure.add_trace(line, row, 1)
            labelled.add(label)
    figure.update_layout(template=style.TEMPLATE, height=ROW * len(metrics) + AXES, margin={"t": 48}, uirevision=steps)
    figure.update_layout(legend=style.LEGEND | {"y": 1.08}, showlegend=len(labels) > 1)
    figure.update_annotations(x=0, xanchor="left", font={"size": style.TEXT_SIZE})
    figure.update_xaxes(range=[0, max(steps, 1)], showgrid=False)
    figure.update_xaxes(title="step", row=len(metrics), col=1)
    return figure
