"""Attention as a graph: one head, all layers, and how much of each token arrives."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped, labels, visible

MOST_EDGES = 2000  # with more, only the strongest are drawn
WIDTHS = (1.0, 1.8, 2.8, 4.0)  # pixels, for weights up to ¼, ½, ¾ and 1
OPACITIES = (0.7, 0.8, 0.9, 1.0)
PALE = 0.35  # times that, for edges that do not lead to the chosen token
GAP = 0.06  # share of the circle between the last and the first token
MOST_NAMES = 32  # tokens around the circle that are all named
UNSEEN = 16  # pixels: hover targets of edges; larger than the dots, so that dots come first
CURVE = np.linspace(0, 1, 13)
ARROW = {"symbol": "arrow", "angleref": "previous"}
ROW, SHORTEST, TALLEST = 18, 220, 900  # pixels: per token, and of the whole figure
NAME = 13  # pixels that a token's name needs
NAMES = {"family": style.MONOSPACE, "size": 12}
LONGEST = 10  # characters of a token's name


def drawn_edges(weights: np.ndarray, threshold: float) -> np.ndarray:
    """Return which edges to draw: weights of at least `threshold`, at most the `MOST_EDGES` strongest.

    bool, like `weights`.
    """
    shown = (weights >= threshold) & (weights > 0)
    strongest = np.argsort(-np.where(shown, weights, 0), axis=None, kind="stable")[:MOST_EDGES]
    among = np.zeros(shown.size, dtype=bool)
    among[strongest] = True
    return shown & among.reshape(shown.shape)


def token_graph(weights: np.ndarray, tokens: Sequence[str], *, threshold: float, chosen: int) -> go.Figure:
    """Draw one head as a directed graph: tokens clockwise around a circle, arrows from the token that is read to its
    reader.

    weights: (T, T), queries down, keys across. The chosen token's arrows stand out; a ring is a token that reads from
    itself. A click selects a marker whose customdata begin with its position. Raises ValueError on other shapes.
    Source: lecture 1:11:38.
    """
    T = len(tokens)
    if np.shape(weights) != (T, T) or not 0 <= chosen < T:
        raise ValueError(f"weights {np.shape(weights)} of position {chosen} do not belong to {T} tokens")
    turn = 2 * np.pi * (GAP / 2 + (1 - GAP) * (np.arange(T) + 0.5) / T)
    places = np.column_stack([np.sin(turn), np.cos(turn)])
    shown = drawn_edges(weights, threshold)
    queries, keys = np.nonzero(shown & ~np.eye(T, dtype=bool))
    apart = np.linalg.norm(places[keys] - places[queries], axis=1, keepdims=True) / 2  # 1 across the circle
    middle = (0.9 - 0.6 * apart) * (places[keys] + places[queries]) / 2
    s = CURVE[:, None, None]
    paths = (1 - s) ** 2 * places[keys] + 2 * s * (1 - s) * middle + s**2 * places[queries]  # (13, E, 2)
    colors = np.where(np.isin(np.arange(T), keys[queries == chosen]), style.ACCENT, style.MUTED).astype(object)
    colors[chosen] = style.SECOND
    named = labels(tokens)
    notes = [f"{named[q]} reads from {named[k]}: {weights[q, k]:.3f}" for q, k in zip(queries, keys, strict=True)]
    drawn = style.figure(
        *_edges(paths.transpose(1, 0, 2), weights[queries, keys], queries == chosen, notes),
        *_rings(places, np.where(np.diag(shown), np.diag(weights), 0), chosen),
        _nodes(places, np.arange(T), named, colors, size=10),
        *_names(places, tokens, chosen),
        height=540,
        clickmode="event+select",
    )
    drawn.update_xaxes(visible=False, range=[-1.3, 1.3])
    drawn.update_yaxes(visible=False, range=[-1.2, 1.2])
    return drawn


def layers_graph(weights: np.ndarray, tokens: Sequence[str], *, threshold: float, chosen: int) -> go.Figure:
    """Draw every layer's attention as edges: tokens down, layers from left to right, paths to the chosen token in
    colour.

    weights: (n_layer, T, T), queries down, keys across. An arrow runs from a key before the layer to its query after
    it; the row's own line is the residual stream. A click selects a marker whose customdata begin with its position.
    Raises ValueError on other shapes. Source: lecture 1:11:38; Abnar and Zuidema 2020, arXiv:2005.00928.
    """
    T = len(tokens)
    if np.ndim(weights) != 3 or np.shape(weights)[1:] != (T, T) or not 0 <= chosen < T or not len(weights):
        raise ValueError(f"weights {np.shape(weights)} of position {chosen} do not belong to {T} tokens")
    n_layer = len(weights)
    layers, queries, keys = np.nonzero(drawn_edges(weights, threshold))
    reached = _reached(n_layer, T, (layers, queries, keys), chosen)
    paths = np.stack([np.column_stack([layers, keys]), np.column_stack([layers + 1, queries])], 1)  # (E, 2, 2)
    named = labels(tokens)
    notes = [
        f"layer {layer}: {named[q]} reads from {named[k]}: {weights[layer, q, k]:.3f}"
        for layer, q, k in zip(layers, queries, keys, strict=True)
    ]
    levels, positions = (axis.ravel() for axis in np.indices(reached.shape))
    colors = np.where(reached, style.ACCENT, style.MUTED).astype(object)
    colors[-1, chosen] = style.SECOND
    drawn = style.figure(
        _residual(reached),
        *_edges(paths, weights[layers, queries, keys], reached[layers + 1, queries], notes),
        _nodes(np.column_stack([levels, positions]), positions, named, colors.ravel(), size=7),
        height=_height(T) + 60,
        clickmode="event+select",
    )
    ticks = {"tickvals": list(range(n_layer + 1)), "ticktext": ["input", *map(str, range(n_layer))]}
    drawn.update_xaxes(title="after layer", range=[-0.15, n_layer + 0.15], side="top", showgrid=False, **ticks)
    drawn.update_yaxes(**_token_rows(tokens))
    return drawn


def arrival_bars(shares: Mapping[str, np.ndarray], tokens: Sequence[str], chosen: int) -> go.Figure:
    """Draw how much of each token arrives by each measure: tokens down, one panel per measure.

    shares: title → (T,). Raises ValueError on other shapes. Source: Abnar and Zuidema 2020, arXiv:2005.00928.
    """
    T = len(tokens)
    if not shares or any(np.shape(values) != (T,) for values in shares.values()) or not 0 <= chosen < T:
        raise ValueError(f"{T} tokens need as many shares, and one of them chosen; got position {chosen}")
    named = [escaped(label) for label in labels(tokens)]
    bars = [
        go.Bar(
            x=values,
            y=list(range(T)),
            orientation="h",
            xaxis="x" if not panel else f"x{panel + 1}",
            marker={"color": [style.SECOND if position == chosen else style.ACCENT for position in range(T)]},
            customdata=named,
            hovertemplate=f"%{{customdata}}  {title.lower()} %{{x:.4f}}<extra></extra>",
        )
        for panel, (title, values) in enumerate(shares.items())
    ]
    drawn = style.figure(*bars, height=_height(T) + 60, bargap=0.2)
    width = 1 / len(shares)
    for panel, (title, values) in enumerate(shares.items()):
        axis = {"title": title, "side": "top", "anchor": "y", "nticks": 3, "automargin": True, "zeroline": False}
        axis |= {"domain": [panel * width, (panel + 0.88) * width], "range": [0, 1.05 * max(values.max(), 1e-6)]}
        drawn.update_layout({"xaxis" if not panel else f"xaxis{panel + 1}": axis})
    drawn.update_yaxes(**_token_rows(tokens), showgrid=False)
    return drawn


def _reached(n_layer: int, T: int, edges: tuple[np.ndarray, ...], chosen: int) -> np.ndarray:
    """Return the nodes from which drawn edges and the residual stream lead to the chosen token: (n_layer + 1, T)
    bool.
    """
    layers, queries, keys = edges
    reached = np.zeros((n_layer + 1, T), dtype=bool)
    reached[-1, chosen] = True
    for layer in range(n_layer - 1, -1, -1):
        here = (layers == layer) & reached[layer + 1, queries]
        reached[layer] = reached[layer + 1]
        reached[layer, keys[here]] = True
    return reached


def _edges(paths: np.ndarray, weights: np.ndarray, strong: np.ndarray, notes: Sequence[str]) -> list[go.Scatter]:
    """Return arrows along paths (E, P, 2): width and opacity by weight, in colour where `strong`, with hover text."""
    traces = []
    steps = np.clip((weights * len(WIDTHS)).astype(int), 0, len(WIDTHS) - 1)
    for coloured in (False, True):
        for step, (width, opacity) in enumerate(zip(WIDTHS, OPACITIES, strict=True)):
            these = np.flatnonzero((strong == coloured) & (steps == step))
            if not len(these):
                continue
            color = {"color": style.ACCENT if coloured else style.MUTED}
            seen = opacity if coloured else PALE * opacity
            x, y = _parted(paths[these])
            line = {"width": width} | color
            traces.append(go.Scatter(x=x, y=y, mode="lines", line=line, opacity=seen, hoverinfo="skip"))
            x, y = _parted(paths[these, -2:])  # the last step gives an arrow its direction
            tips = np.tile([0, 1, 0], len(these))
            marker = ARROW | {"size": (5 + 1.5 * width) * tips, "standoff": 4 * tips} | color
            traces.append(go.Scatter(x=x, y=y, mode="markers", marker=marker, opacity=seen, hoverinfo="skip"))
    near_end = paths[:, -1] * 0.4 + paths[:, -2] * 0.6 if paths.shape[1] == 2 else paths[:, -4]
    look = {"marker": {"size": UNSEEN, "opacity": 0}, "hovertemplate": "%{text}<extra></extra>"}
    text = [escaped(note) for note in notes]
    return [*traces, go.Scatter(x=near_end[:, 0], y=near_end[:, 1], mode="markers", text=text, **look)]


def _parted(paths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of all paths (E, P, 2), separated by NaN."""
    parted = np.concatenate([paths, np.full((len(paths), 1, 2), np.nan)], 1).reshape(-1, 2)
    return parted[:, 0], parted[:, 1]


def _nodes(
    places: np.ndarray, positions: np.ndarray, named: Sequence[str], colors: np.ndarray, size: int
) -> go.Scatter:
    """Return the tokens as dots; a click selects a dot."""
    marker = {"size": size, "color": colors.tolist(), "opacity": 1}
    notes = [[position, escaped(named[position])] for position in map(int, positions)]
    look = {"mode": "markers", "hovertemplate": "%{customdata[1]}<extra></extra>"}
    return go.Scatter(x=places[:, 0], y=places[:, 1], marker=marker, customdata=notes, **look)


def _rings(places: np.ndarray, own: np.ndarray, chosen: int) -> list[go.Scatter]:
    """Return a ring around each token that reads from itself, as wide as its weight."""
    drawn = np.flatnonzero(own)
    colors = [style.ACCENT if position == chosen else style.MUTED for position in drawn]
    line = {"width": 1 + 3 * own[drawn], "color": colors}
    marker = {"symbol": "circle-open", "size": 18, "color": colors, "line": line, "opacity": 0.8}
    return [go.Scatter(x=places[drawn, 0], y=places[drawn, 1], mode="markers", marker=marker, hoverinfo="skip")]


def _names(places: np.ndarray, tokens: Sequence[str], chosen: int) -> list[go.Scatter]:
    """Write the tokens outside the circle."""
    T = len(tokens)
    every = -(-T // MOST_NAMES)
    shown = [at for at in range(T) if at == chosen or (at % every == 0 and abs(at - chosen) >= every)]
    outside = 1.07 * places[shown]
    return [
        go.Scatter(
            x=outside[:, 0],
            y=outside[:, 1],
            mode="text",
            text=[_name(tokens[position], position if every > 1 else None) for position in shown],
            textfont=NAMES,
            textposition=[_beside(x, y) for x, y in outside],
            cliponaxis=False,
            hoverinfo="skip",
        )
    ]


def _beside(x: float, y: float) -> str:
    if abs(x) < 0.25:
        return "top center" if y > 0 else "bottom center"
    return "middle right" if x > 0 else "middle left"


def _residual(reached: np.ndarray) -> go.Scatter:
    """Return the residual stream on paths to the chosen token: dotted, along its row."""
    levels, positions = np.nonzero(reached[1:])
    x = np.column_stack([levels, levels + 1, np.full(len(levels), np.nan)]).ravel()
    y = np.column_stack([positions, positions, np.full(len(levels), np.nan)]).ravel()
    line = {"width": 1, "color": style.ACCENT, "dash": "dot"}
    return go.Scatter(x=x, y=y, mode="lines", line=line, opacity=0.6, hoverinfo="skip")


def _height(T: int) -> int:
    return int(np.clip(ROW * T, SHORTEST, TALLEST))


def _token_rows(tokens: Sequence[str]) -> dict:
    """Set a vertical axis with one row per token, the first on top. All are named where there is room, else some."""
    T = len(tokens)
    every = -(-T * NAME // _height(T))
    ticks = list(range(0, T, every))
    names = [_name(tokens[tick], tick if every > 1 else None) for tick in ticks]
    return {"tickvals": ticks, "ticktext": names, "tickfont": NAMES, "range": [T - 0.4, -0.6]}


def _name(token: str, position: int | None) -> str:
    name = visible(token)
    short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    return escaped(short if position is None else f"{position} {short}")
