"""Figures of the residual stream and of the layernorms."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped

HEIGHT = 380  # pixels
NORM_ROW = 28, 13  # pixels a layernorm where they are few, and where they are many
SPREAD = 30  # times the median: a norm that is larger makes the axis logarithmic
BINS = 80
MONOSPACE = {"family": style.MONOSPACE}


def stream_norms(points: Sequence[str], norms: npt.ArrayLike, labels: Sequence[str], chosen: int) -> go.Figure:
    """Draw the norm of the stream at every point: faint for each position, strong for the chosen one, dashed the mean.

    The axis is logarithmic where some norms are far larger than most. norms: (P, T); labels: T. Raises ValueError on
    other shapes, or a chosen position outside 0 … T − 1.
    Source: lecture 01:26:48.
    """
    norms = _checked(norms, points, labels, chosen)
    P, T = norms.shape
    each = np.vstack([norms, np.full((1, T), np.nan)]).T.ravel()  # NaN separates the lines
    names = np.repeat([escaped(label) for label in labels], P + 1)
    x = np.tile([*range(P), P - 1], T)
    hover = "%{y:.3f}<extra>%{customdata}</extra>"
    faint = {"width": 1, "opacity": 0.3, "showlegend": False}
    others = style.line(x, each, style.MUTED, customdata=names, hovertemplate=hover, **faint)
    traces = [others, _mean_line(norms), _chosen_line(norms[:, chosen], labels[chosen])]
    drawn = style.figure(*traces, height=HEIGHT, showlegend=True, legend=style.LEGEND, margin={"t": 32})
    if norms.max() > SPREAD * np.median(norms):
        drawn.update_yaxes(title="norm of the stream", type="log", dtick=1)
    else:
        drawn.update_yaxes(title="norm of the stream", rangemode="tozero")
    return _with_points(drawn, points)


def stream_path(
    points: Sequence[str], plane: npt.ArrayLike, shares: npt.ArrayLike, labels: Sequence[str], chosen: int
) -> go.Figure:
    """Draw each position's path in the plane in which the stream varies most; the chosen one strong, with its points.

    plane: (P, T, 2), NaN for positions that are not drawn; shares: (2,) of the variance that each axis holds. Raises
    ValueError on other shapes.
    Source: lecture 01:26:48.
    """
    plane, shares = np.asarray(plane, dtype=np.float64), np.asarray(shares)
    if plane.ndim != 3 or plane.shape[-1] != 2:
        raise ValueError(f"a path needs points of two coordinates, (P, T, 2); got {plane.shape}")
    _checked(plane[..., 0], points, labels, chosen)
    P, T = plane.shape[:2]
    each = np.concatenate([plane, np.full((1, T, 2), np.nan)]).transpose(1, 0, 2).reshape(-1, 2)
    names = [f"{escaped(label)}<br>{point}" for label in labels for point in [*points, ""]]
    hover = "%{customdata}<extra></extra>"
    faint = {"mode": "lines+markers", "marker": {"size": 3, "color": style.MUTED}, "opacity": 0.3}
    others = style.line(each[:, 0], each[:, 1], style.MUTED, 1, customdata=names, hovertemplate=hover, **faint)
    own = plane[:, chosen]
    middle = (np.nanmin(plane[..., 0]) + np.nanmax(plane[..., 0])) / 2
    inward = ["right" if x < middle else "left" for x in own[:, 0]]  # so that no label leaves the figure
    names = [f"{escaped(labels[chosen])}<br>{point}" for point in points]
    strong = {"mode": "lines+markers+text", "marker": {"size": 8, "color": style.ACCENT}, "cliponaxis": False}
    followed = style.line(own[:, 0], own[:, 1], style.ACCENT, 2.5, customdata=names, hovertemplate=hover, **strong)
    sides = [f"bottom {inward[0]}", *(f"top {side}" for side in inward[1:])]
    followed.update(text=[points[0], *[""] * (P - 2), points[-1]], textposition=sides)
    drawn = style.figure(others, followed, height=HEIGHT, margin={"t": 32})
    drawn.update_xaxes(title=f"first direction, {shares[0]:.0%} of the variance", showgrid=False)
    drawn.update_yaxes(title=f"second, {shares[1]:.0%}", showgrid=False)
    return drawn


def by_writer(
    writers: Sequence[str], values: npt.ArrayLike, labels: Sequence[str], chosen: int, quantity: str
) -> go.Figure:
    """Draw one bar per writer (attention or MLP) for the chosen position, and a tick at the mean over all positions.

    values: (W, T); quantity: the axis title. Attention and MLP have their own colours. Raises ValueError on other
    shapes. Source: lecture 01:26:48.
    """
    values = _checked(values, writers, labels, chosen)
    x = list(range(len(writers)))
    bars = go.Bar(
        x=x,
        y=values[:, chosen],
        marker={"color": [style.SECOND if writer.startswith("MLP") else style.ACCENT for writer in writers]},
        customdata=list(writers),
        hovertemplate="%{customdata}<br>%{y:.3f}<extra>" + escaped(labels[chosen]) + "</extra>",
    )
    means = go.Scatter(
        x=x,
        y=values.mean(1),
        mode="markers",
        marker={"symbol": "line-ew", "size": 18, "line": {"width": 2, "color": style.MUTED}},
        customdata=list(writers),
        hovertemplate="%{customdata}<br>%{y:.3f}<extra>mean over the prompt</extra>",
    )
    drawn = style.figure(bars, means, height=300, bargap=0.35)
    drawn.update_yaxes(title=quantity)
    return _with_points(drawn, writers)


def norm_heatmap(
    norms: Sequence[str], values: np.ndarray, labels: Sequence[str], quantity: str, *, diverging: bool
) -> go.Figure:
    """Draw one row per layernorm, one column per position.

    values: (N, T); diverging: signed values around zero, else values ≥ 0. Raises ValueError on other shapes.
    Source: lecture 01:32:51.
    """
    values = _checked(values, norms, labels, 0)
    sizes = np.abs(values)
    rare = sizes.max() > SPREAD * np.median(sizes)  # of an attention sink: the others would have no colour
    top = float(np.quantile(sizes, 0.99) if rare else sizes.max()) or 1.0
    heatmap = go.Heatmap(
        z=values.astype(np.float32),
        x=list(range(len(labels))),
        y=list(range(len(norms))),
        zmin=-top if diverging else 0.0,
        zmax=top,
        colorscale=style.DIVERGING if diverging else style.SEQUENTIAL,
        colorbar={"thickness": 10, "outlinewidth": 0},
        customdata=[[escaped(label) for label in labels]] * len(norms),
        hovertemplate="%{customdata}<br>" + quantity + " %{z:.4g}<extra></extra>",
        ygap=2,
    )
    few, many = NORM_ROW
    drawn = style.figure(heatmap, height=(few if len(norms) <= style.MANY_TICKS else many) * len(norms) + 60)
    drawn.update_yaxes(**style.some_ticks(norms), autorange="reversed", showgrid=False)
    return _with_tokens(drawn, labels)


def before_and_after(before: npt.ArrayLike, after: npt.ArrayLike) -> go.Figure:
    """Draw histograms of the features of all positions before and after the layernorm, as shares that sum to 1.

    before, after: arrays of any one shape; the axis holds at least 99.8 % of each, and its title says how much is
    outside. Raises ValueError where they are empty or not finite. Source: lecture 01:32:51.
    """
    both = [np.asarray(values, dtype=np.float64).ravel() for values in (before, after)]
    if any(not values.size or not np.isfinite(values).all() for values in both):
        raise ValueError("a distribution needs at least one value, and finite ones")
    low = min(np.quantile(values, 0.001) for values in both)
    high = max(np.quantile(values, 0.999) for values in both)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    traces = []
    for name, color, values in zip(("before", "after"), (style.MUTED, style.ACCENT), both, strict=True):
        shares = np.histogram(values, edges)[0] / values.size
        traces.append(
            go.Scatter(
                x=(edges[:-1] + edges[1:]) / 2,
                y=shares,
                name=name,
                line={"color": color, "width": 2, "shape": "hvh"},
                fill="tozeroy",
                hovertemplate=f"{name}<br>%{{x:.3g}}: %{{y:.2%}}<extra></extra>",
            )
        )
    outside = np.mean([np.mean((values < low) | (values > high)) for values in both])
    drawn = style.figure(*traces, height=300, showlegend=True, legend=style.LEGEND, margin={"t": 32})
    drawn.update_xaxes(title=f"feature ({outside:.1%} lie outside)" if outside else "feature", showgrid=False)
    drawn.update_yaxes(title="share", tickformat=".0%", rangemode="tozero")
    return drawn


def gain_and_shift(gamma: npt.ArrayLike, beta: npt.ArrayLike | None) -> go.Figure:
    """Draw γ and β of every feature as points; β None: only γ, as RMSNorm has it.

    Both (C,). Raises ValueError on other shapes. Source: lecture 01:32:51.
    """
    shapes = {np.shape(values) for values in (gamma, beta) if values is not None}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise ValueError(f"γ and β have one value a feature; got {' and '.join(map(str, shapes))}")
    hover = "of feature %{x}: %{y:.4f}<extra></extra>"
    traces = [
        go.Scatter(
            x=list(range(len(np.asarray(values)))),
            y=np.asarray(values),
            name=name,
            mode="markers",
            marker={"size": 5, "color": color},
            hovertemplate=f"{name} {hover}",
        )
        for name, color, values in (("γ", style.ACCENT, gamma), ("β", style.SECOND, beta))
        if values is not None
    ]
    drawn = style.figure(*traces, height=300, showlegend=True, legend=style.LEGEND, margin={"t": 32})
    drawn.update_xaxes(title="feature", showgrid=False)
    return drawn


def norms_with_and_without(points: Sequence[str], norms: npt.ArrayLike, without: npt.ArrayLike) -> go.Figure:
    """Draw the stream's mean norm at every point, with and without layernorms, on a logarithmic axis.

    norms, without: (P, T). Raises ValueError where they differ in shape. Source: lecture 01:32:51.
    """
    norms, without = np.asarray(norms), np.asarray(without)
    if norms.shape != without.shape or norms.ndim != 2 or len(norms) != len(points):
        raise ValueError(f"{len(points)} points need norms of (P, T) twice; got {norms.shape} and {without.shape}")
    x, hover = list(range(len(points))), "<br>%{y:.4g}<extra></extra>"
    traces = [
        style.line(x, values.mean(1), color, 2, "lines+markers", name=name, hovertemplate=name + hover)
        for name, color, values in (("with", style.ACCENT, norms), ("taken out", style.SECOND, without))
    ]
    drawn = style.figure(*traces, height=HEIGHT, showlegend=True, legend=style.LEGEND, margin={"t": 32})
    drawn.update_yaxes(title="mean norm of the stream", type="log", nticks=8, exponentformat="power")
    return _with_points(drawn, points)


def _checked(values: npt.ArrayLike, rows: Sequence[str], labels: Sequence[str], chosen: int) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (len(rows), len(labels)):
        raise ValueError(f"{len(rows)} rows and {len(labels)} positions do not fit an array of {values.shape}")
    if not 0 <= chosen < len(labels):
        raise ValueError(f"position {chosen} is not among {len(labels)} positions")
    return values


def _mean_line(values: np.ndarray) -> go.Scatter:
    hover = "%{y:.3f}<extra>mean over the prompt</extra>"
    x = list(range(len(values)))
    return style.line(x, values.mean(1), style.MUTED, line_dash="dash", name="mean", hovertemplate=hover)


def _chosen_line(values: np.ndarray, label: str) -> go.Scatter:
    hover = "%{y:.3f}<extra>" + escaped(label) + "</extra>"
    x = list(range(len(values)))
    return style.line(x, values, style.ACCENT, 2.5, "lines+markers", name=escaped(label), hovertemplate=hover)


def _with_points(drawn: go.Figure, points: Sequence[str]) -> go.Figure:
    drawn.update_xaxes(**style.some_ticks(points), tickangle=-45, showgrid=False)
    return drawn


def _with_tokens(drawn: go.Figure, labels: Sequence[str]) -> go.Figure:
    """Label the axis with at most about forty tokens, evenly spaced."""
    shown = range(0, len(labels), 1 + len(labels) // 40)
    ticktext = [escaped(labels[i]) for i in shown]
    drawn.update_xaxes(tickvals=list(shown), ticktext=ticktext, tickfont=MONOSPACE, tickangle=-90, showgrid=False)
    return drawn
