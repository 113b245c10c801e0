"""Figures of rotary positions: arrows on a dial, dials of several speeds, and the score by distance."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style

DIAL, ROW = 380, 150  # pixels
GAP = 2.4  # between the middles of two dials


def dial(arrows: dict[str, tuple[np.ndarray, np.ndarray]]) -> go.Figure:
    """Draw arrows from the middle of a dial, faint before they are turned.

    arrows: name → the arrow before and after, (2,) each.
    """
    reach = 1.15 * max(1.0, *(float(np.linalg.norm(before)) for before, _ in arrows.values()))
    traces = []
    for (name, (before, after)), color in zip(arrows.items(), (style.ACCENT, style.SECOND), strict=True):
        traces += [_arrow(before, color, 0.3, f"{name} before"), _arrow(after, color, 1.0, name)]
    drawn = style.figure(*traces, height=DIAL)
    _ring(drawn, 0)
    drawn.update_xaxes(range=[-reach, reach], showgrid=False, showticklabels=False, constrain="domain")
    drawn.update_yaxes(range=[-reach, reach], showgrid=False, showticklabels=False, scaleanchor="x")
    return drawn


def score_curve(distances: np.ndarray, scores: np.ndarray, at: int | None = None, height: int = DIAL) -> go.Figure:
    """Draw q · k against the distance of the two tokens, with a mark at one distance."""
    hover = "distance %{x}: q · k = %{y:.3f}<extra></extra>"
    curve = style.line(distances, scores, style.MUTED, hovertemplate=hover)
    drawn = style.figure(curve, height=height)
    if at is not None:
        mark = {"size": 13, "color": style.ACCENT}
        y = scores[distances == at]
        drawn.add_trace(go.Scatter(x=[at], y=y, mode="markers", marker=mark, hovertemplate=hover))
    drawn.update_xaxes(title="distance: position of q − position of k", showgrid=False)
    drawn.update_yaxes(title="q · k", zeroline=True)
    return drawn


def dials(angles: Sequence[float], names: Sequence[str]) -> go.Figure:
    """Draw a dial for each pair, with one hand. angles: radians, one per dial; names: below the dials."""
    hands = [
        _arrow(np.array([np.cos(angle), np.sin(angle)]), style.ACCENT, 1.0, f"{angle:.2f} radians", i * GAP)
        for i, angle in enumerate(angles)
    ]
    drawn = style.figure(*hands, height=ROW)
    for i in range(len(hands)):
        _ring(drawn, i * GAP)
    middles = [i * GAP for i in range(len(hands))]
    drawn.update_xaxes(
        range=[-1.2, middles[-1] + 1.2], tickvals=middles, ticktext=list(names), showgrid=False, tickangle=0
    )
    drawn.update_yaxes(range=[-1.1, 1.1], visible=False, scaleanchor="x", constrain="domain")
    return drawn


def _arrow(to: np.ndarray, color: str, opacity: float, name: str, x: float = 0.0) -> go.Scatter:
    marker = {"symbol": "arrow", "size": [0, 16], "color": color, "angleref": "previous", "line": {"width": 0}}
    return style.line(
        [x, x + float(to[0])], [0, float(to[1])], color, 3, mode="lines+markers", marker=marker, opacity=opacity,
        hovertemplate=f"{name}<extra></extra>",
    )  # fmt: skip


def _ring(drawn: go.Figure, x: float) -> None:
    line = {"color": style.MUTED, "width": 1}
    drawn.add_shape(type="circle", x0=x - 1, x1=x + 1, y0=-1, y1=1, line=line, layer="below")
