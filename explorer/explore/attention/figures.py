"""One attention weight taken apart: vectors as strips of cells, and a query's row key by key."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.heatmap import token_axis
from explorer.figures.kept import kept
from explorer.figures.tokens import escaped, labels

STRIP = 54  # pixels per vector
BARS = 90  # pixels per row of bars
AXIS = 44  # pixels for the features' axis
TOKENS = 84  # pixels for the tokens' axis
MOST_WITH_GAPS = 64  # features up to which a strip has gaps between its cells


@kept
def strips(vectors: Mapping[str, np.ndarray], tops: Sequence[float]) -> go.Figure:
    """Draw each vector as a strip with one cell per feature: blue above zero, orange below.

    vectors: name → (d,); tops: the value with the full colour in each strip (0 if all values are 0).
    Raises ValueError on vectors of unequal length, or another number of tops. Source: lecture 1:02:00.
    """
    shapes = {np.shape(vector) for vector in vectors.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or len(tops) != len(vectors):
        raise ValueError(f"strips need vectors of one length and a top for each; got {shapes} and {len(tops)} tops")
    values = np.stack([np.asarray(vector, dtype=np.float64) for vector in vectors.values()])
    names = [escaped(name) for name in vectors]
    notes = [
        [f"{name}, feature {i}<br>{value:.6g}" for i, value in enumerate(row)]
        for name, row in zip(names, values, strict=True)
    ]
    look = {"hovertemplate": "%{text}<extra></extra>", "xgap": int(values.shape[1] <= MOST_WITH_GAPS), "ygap": 6}
    cells = style.cells(values / [[top or 1.0] for top in tops], 1, text=notes, **look)
    span = [-0.5, values.shape[1] - 0.5]
    features = {"title": "feature of the head", "range": span, "showgrid": False, "tickformat": "d"}
    rows = {"tickvals": list(range(len(names))), "ticktext": names, "autorange": "reversed", "showgrid": False}
    return style.figure(cells, height=STRIP * len(values) + AXIS, xaxis=features, yaxis=rows)


@kept
def row_bars(rows: Mapping[str, np.ndarray], tokens: Sequence[str], exists: np.ndarray, chosen: int) -> go.Figure:
    """Draw one query's quantities per key as rows of bars: the chosen key in the accent colour, masked keys empty.

    Only some of the masked keys at either end get room.

    rows: quantity → (T,); exists: (T,) bool. Raises ValueError on other shapes. Source: lecture 1:02:00.
    """
    T, n = len(tokens), len(rows)
    shapes = {np.shape(values) for values in (*rows.values(), exists)}
    if shapes != {(T,)} or not 0 <= chosen < T:
        raise ValueError(f"{T} keys need rows of ({T},) and one chosen key; got {shapes} and {chosen}")
    names = [escaped(label) for label in labels(tokens)]
    keys = np.flatnonzero(exists)
    room = max(len(keys) // 2, 2)  # for masked keys at either end
    first, last = int(keys[0]), int(keys[-1])
    start, end = max(0, min(first - room, chosen)), min(T, max(last + 1 + room, chosen + 1))
    bars, axes, titles = [], {}, []
    for number, (quantity, values) in enumerate(rows.items(), 1):
        axis = "" if number == 1 else str(number)
        bars.append(
            go.Bar(
                x=keys,
                y=np.asarray(values, dtype=np.float64)[keys],
                yaxis=f"y{axis}",
                marker={"color": [style.ACCENT if key == chosen else style.MUTED for key in keys.tolist()]},
                text=[f"key {names[key]}<br>{quantity} {values[key]:.6g}" for key in keys.tolist()],
                textposition="none",
                hovertemplate="%{text}<extra></extra>",
            )
        )
        top = 1 - (number - 1) / n
        axes[f"yaxis{axis}"] = {"domain": [top - 0.9 / n, top - 0.22 / n], "nticks": 4, "zeroline": True, "anchor": "x"}
        place = {"x": 0, "y": top, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "top"}
        titles.append({"text": quantity, "showarrow": False} | place)
    masks = [_mask(start, first, f"0 to {first - 1}" if first > 1 else "0")] if first else []
    masks += (
        [_mask(last + 1, end, f"{last + 1} to {T - 1}" if last + 1 < T - 1 else f"{T - 1}")] if last + 1 < T else []
    )
    axes["xaxis"] = {"title": "key", "range": [start - 0.5, end - 0.5], "anchor": f"y{n}" if n > 1 else "y"}
    axes["xaxis"] |= token_axis(tokens[:end])
    shapes, notes = [shape for shape, _ in masks], [note for _, note in masks]
    layout = axes | {"bargap": 0.15, "shapes": shapes, "annotations": titles + notes}
    return style.figure(*bars, height=BARS * n + TOKENS, **layout)


def _mask(start: int, end: int, which: str) -> tuple[dict, dict]:
    """Return a shape that shades the masked keys with room, from `start` to `end`, and an annotation that names all."""
    low, high = start - 0.5, end - 0.5
    place = {"type": "rect", "x0": low, "x1": high, "y0": 0, "y1": 1, "yref": "paper"}
    note = {"text": f"masked: {which}", "x": (low + high) / 2, "y": 0.45, "yref": "paper"}
    shading = {"line": {"width": 0}, "fillcolor": style.MUTED, "opacity": 0.15}
    return place | shading, note | {"showarrow": False, "textangle": -90}


@kept
def turned_pairs(angles: np.ndarray, before: np.ndarray, after: np.ndarray) -> go.Figure:
    """Draw the angle between query and key of each pair of features, and what it adds to q · k before and after it.

    All (n/2,); angles in radians. Raises ValueError on other shapes. Source: Su et al. 2021, arXiv:2104.09864.
    """
    if np.ndim(angles) != 1 or not np.shape(angles) == np.shape(before) == np.shape(after):
        shapes = [np.shape(values) for values in (angles, before, after)]
        raise ValueError(f"every pair needs an angle, a number before it and one after; got {shapes}")
    pairs = list(range(len(angles)))
    degrees = np.degrees(np.asarray(angles, dtype=np.float64))
    notes = [
        f"pair {pair}: features {pair} and {pair + len(pairs)}<br>{each:.4g}°" for pair, each in enumerate(degrees)
    ]
    hover = {"text": notes, "hovertemplate": "%{text}<extra></extra>"}
    sizes = style.line(pairs, np.abs(degrees), style.ACCENT, 2, "lines+markers", showlegend=False, **hover)
    traces = [
        go.Bar(
            x=pairs,
            y=values,
            yaxis="y2",
            name=name,
            marker={"color": color},
            hovertemplate=f"pair %{{x}}, {name}<br>%{{y:.5g}}<extra></extra>",
        )
        for name, values, color in (("not turned", before, style.MUTED), ("turned", after, style.ACCENT))
    ]
    scale = {"type": "log", "dtick": 1, "tickformat": "~g"} if np.any(degrees) else {}
    drawn = style.figure(
        sizes, *traces, height=BARS * 3 + AXIS, showlegend=True, legend=style.LEGEND, margin={"t": 32}, bargap=0.25,
        yaxis={"domain": [0.58, 1], "title": "angle, °"} | scale,
        yaxis2={"domain": [0, 0.5], "title": "part of q · k", "zeroline": True},
    )  # fmt: skip
    drawn.update_xaxes(title="pair of features", showgrid=False, tickformat="d", anchor="y2")
    return drawn


@kept
def by_distance(scores: np.ndarray, chosen: int | None) -> go.Figure:
    """Draw the score that a query and a key would have at each distance. chosen: their distance; None: a later key.

    scores: (T,). Raises ValueError on another shape. Source: Su et al. 2021, arXiv:2104.09864.
    """
    if np.ndim(scores) != 1 or not 0 <= (chosen or 0) < len(scores):
        raise ValueError(f"scores by distance are (T,), with the chosen distance; got {np.shape(scores)}, {chosen}")
    hover = "%{x} tokens apart<br>score %{y:.5g}<extra></extra>"
    mode = "lines" if len(scores) > 1 else "markers"
    traces = [style.line(list(range(len(scores))), scores, style.MUTED, 2, mode, hovertemplate=hover)]
    if chosen is not None:
        mark = {"marker": {"size": 9, "color": style.ACCENT}, "hovertemplate": hover}
        traces.append(style.line([chosen], scores[chosen : chosen + 1], style.ACCENT, 2, "markers", **mark))
    drawn = style.figure(*traces, height=BARS * 2 + AXIS, showlegend=False)
    drawn.update_xaxes(title="distance, tokens", showgrid=False, tickformat="d")
    drawn.update_yaxes(title="score")
    return drawn
