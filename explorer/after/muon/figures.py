"""Figures of Muon: singular values on the polynomial and by direction, matrices, agreement, and who moves what."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style

HEIGHT, SQUARE, AXES = 340, 250, 60  # pixels
ROW = 30  # pixels of a bar
RIGHT = 1.25  # the end of the axes of singular values
BAND_COLOR, FAINT = style.OKABE_ITO[2], 0.12  # colour and opacity of the band


def ride(values: np.ndarray, curve: tuple[np.ndarray, np.ndarray], band: tuple[float, float]) -> go.Figure:
    """Draw where the next step moves each singular value: points on the curve of the polynomial.

    values: (2, m), now and after the next step; curve: x and y of the polynomial; band: low and high end.
    """
    same = style.line([0, RIGHT], [0, RIGHT], style.MUTED, 1, hoverinfo="skip", name="unchanged").update(
        line_dash="dot"
    )
    polynomial = style.line(*curve, style.MUTED, 2, hoverinfo="skip", name="a x + b x³ + c x⁵")
    points = go.Scatter(
        x=values[0], y=values[1], mode="markers", name="singular values",
        marker={"color": style.ACCENT, "size": 9, "opacity": 0.6},
        hovertemplate="%{x:.4f} → %{y:.4f}<extra></extra>",
    )  # fmt: skip
    drawn = style.figure(same, polynomial, points, height=HEIGHT, showlegend=True, shapes=[_band(band)])
    drawn.update_layout(legend=style.LEGEND, margin={"t": 40})
    drawn.update_xaxes(title="singular value now", range=[-0.03, RIGHT], showgrid=False)
    drawn.update_yaxes(title="after the next step", range=[-0.03, RIGHT + 0.05])
    return drawn


def spectrum(now: np.ndarray, start: np.ndarray, band: tuple[float, float]) -> go.Figure:
    """Draw the singular value of each direction as a bar, with those of the gradient as a line. now, start: (m,)."""
    directions = np.arange(1, len(now) + 1)
    hover = "direction %{x}: %{y:.4f}<extra></extra>"
    bars = go.Bar(x=directions, y=now, marker={"color": style.ACCENT}, name="now", hovertemplate=hover)
    line = style.line(directions, start, style.SECOND, 2, name="the gradient / its norm", hovertemplate=hover)
    drawn = style.figure(bars, line, height=HEIGHT, showlegend=True, bargap=0.15, shapes=[_band(band)])
    drawn.update_layout(legend=style.LEGEND, margin={"t": 40})
    drawn.update_xaxes(title="direction, the gradient's largest first", showgrid=False)
    drawn.update_yaxes(title="singular value", range=[-0.03, RIGHT + 0.05])
    return drawn


def matrix_map(values: np.ndarray) -> go.Figure:
    """Draw a matrix as cells, the largest number with the strongest colour. values: (rows, columns)."""
    values = np.asarray(values, dtype=np.float32)
    top = float(np.abs(values).max()) or 1.0
    hover = "row %{y}, column %{x}: %{z:.4f}<extra></extra>"
    drawn = style.figure(style.cells(values, top, hovertemplate=hover), height=SQUARE)
    drawn.update_xaxes(showticklabels=False, showgrid=False, constrain="domain")
    drawn.update_yaxes(showticklabels=False, showgrid=False, autorange="reversed", scaleanchor="x", constrain="domain")
    return drawn


def agreement_curves(raw: Sequence[float], updates: Sequence[float]) -> go.Figure:
    """Draw how well two means agree: the mean of 1, 2, 3, … gradients, and its orthogonal update."""
    counts = np.arange(1, len(raw) + 1)
    curves = {"gradients": (raw, style.SECOND), "orthogonal updates": (updates, style.ACCENT)}
    hover = "%{x} batches: cosine %{y:.3f}<extra></extra>"
    traces = [
        style.line(counts, y, color, name=name, mode="lines+markers", hovertemplate=hover)
        for name, (y, color) in curves.items()
    ]
    drawn = style.figure(*traces, height=HEIGHT, showlegend=True)
    drawn.update_layout(legend=style.LEGEND, margin={"t": 40})
    drawn.update_xaxes(title="batches in each of the two means", showgrid=False, dtick=1)
    drawn.update_yaxes(title="cosine", zeroline=True, range=[min(-0.1, *raw, *updates) - 0.02, 1.05])
    return drawn


def owner_bars(sizes: Mapping[str, int], owners: Mapping[str, str]) -> go.Figure:
    """Draw the number of parameters of each part, coloured by the optimizer that moves it. sizes, owners: by part."""
    traces = []
    for owner, color in (("Muon", style.ACCENT), ("AdamW", style.SECOND)):
        parts = [part for part in sizes if owners[part] == owner]
        numbers = [sizes[part] for part in parts]
        look = {"name": owner, "hovertemplate": "%{y}: %{x:,}<extra></extra>"}
        traces.append(style.bars(numbers, parts, color, [f"{number:,}" for number in numbers], **look))
    drawn = style.figure(*traces, height=ROW * len(sizes) + AXES, showlegend=True, legend=style.LEGEND)
    drawn.update_layout(margin={"t": 40, "r": 70})
    drawn.update_xaxes(visible=False)
    drawn.update_yaxes(categoryorder="array", categoryarray=list(sizes)[::-1], showgrid=False)
    return drawn


def _band(band: tuple[float, float]) -> dict:
    low, high = band
    look = {"fillcolor": BAND_COLOR, "opacity": FAINT, "line": {"width": 0}, "layer": "below"}
    return {"type": "rect", "xref": "x domain", "x0": 0, "x1": 1, "y0": low, "y1": high, **look}
