"""The lecture's ladder, and the rungs that a person has reached."""

from collections.abc import Mapping

import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped

ROW, AXIS = 52, 70  # pixels


def climbed(published: Mapping[str, float], reached: Mapping[str, tuple[float, str]]) -> go.Figure:
    """Draw, rung by rung, the published validation loss and the one that a person's own run reached.

    published: rung → loss, nats a token; reached: rung → (loss, the run's name), for the rungs that a run reached.
    Raises ValueError for a rung that is not published. Source: lecture 00:34:53 to 01:37:49.
    """
    if not published or set(reached) - set(published):
        raise ValueError(f"{', '.join(map(repr, reached))} must be among the rungs {', '.join(map(repr, published))}")
    rows = {rung: row for row, rung in enumerate(published)}
    look = {"symbol": "line-ns-open", "size": 20, "color": style.MUTED, "line": {"width": 3}}
    theirs = go.Scatter(x=list(published.values()), y=list(rows.values()), name="the lecture's", marker=look)
    losses, names = [loss for loss, _ in reached.values()], [escaped(name) for _, name in reached.values()]
    look = {"size": 14, "color": style.ACCENT}
    own = go.Scatter(x=losses, y=[rows[rung] for rung in reached], name="yours", marker=look, customdata=names)
    theirs.update(mode="markers", hovertemplate="%{x:.2f}")
    own.update(mode="markers", hovertemplate="%{customdata}: %{x:.3f}")
    drawn = style.figure(theirs, own, height=ROW * len(rows) + AXIS, showlegend=True)
    drawn.update_layout(legend=style.LEGEND, margin={"t": 32})
    drawn.update_xaxes(title="validation loss, nats a token; lower is better", showgrid=True)
    drawn.update_yaxes(visible=False, range=[len(rows) - 0.6, -0.75])
    for rung, row in rows.items():
        drawn.add_annotation(x=0, xref="paper", y=row - 0.42, text=escaped(rung), showarrow=False, xanchor="left")
    return drawn
