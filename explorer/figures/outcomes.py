"""Several quantities over the same steps, one above the other."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import style

ROW, AXES = 150, 90  # pixels: of a quantity, of what is around them

Series = tuple[Sequence[float], Sequence[float]]  # steps, and the values there


def outcomes(quantities: Mapping[str, Mapping[str, Series]], *, steps: int) -> go.Figure:
    """Draw each quantity in a panel of its own, one line a run, in the same colour in each.

    quantities: title → run → its steps and values. steps: how far the x axis reaches at least. Raises ValueError on a curve of
    unequal lengths. Source: lecture 1:48:53.
    """
    labels = list(dict.fromkeys(label for curves in quantities.values() for label in curves))
    drawn = make_subplots(
        rows=len(quantities), shared_xaxes=True, vertical_spacing=0.09, subplot_titles=list(quantities)
    )
    named: set[str] = set()
    for row, (title, curves) in enumerate(quantities.items(), 1):
        for label, (x, y) in curves.items():
            if len(x) != len(y):
                raise ValueError(f"{title} of {label}: {len(x)} steps and {len(y)} values; give one value a step")
            line = go.Scatter(
                x=list(x), y=list(y), name=label, legendgroup=label, showlegend=label not in named, mode="lines+markers",
                marker={"size": 4}, line={"color": style.OKABE_ITO[labels.index(label) % len(style.OKABE_ITO)], "width": 2},
                hovertemplate="%{y:.3f} at step %{x:,}",
            )  # fmt: skip
            drawn.add_trace(line, row, 1)
            named.add(label)
    drawn.update_layout(
        template=style.TEMPLATE, height=ROW * len(quantities) + AXES, margin={"t": 48}, uirevision=steps
    )
    drawn.update_layout(legend={"orientation": "h", "x": 0, "y": 1.08, "yanchor": "bottom"}, showlegend=len(labels) > 1)
    drawn.update_annotations(x=0, xanchor="left", font={"size": style.TEXT_SIZE})
    drawn.update_xaxes(range=[0, max(steps, 1)], showgrid=False)
    drawn.update_xaxes(title="step", row=len(quantities), col=1)
    return drawn
