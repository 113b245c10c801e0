"""Figures of the logit lens, and of one logit as a sum over the parts of the model."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.heatmap import row_height
from explorer.figures.tokens import escaped, head_name, visible

ROW = 26  # pixels
LONGEST = 8  # characters of a token in a cell
PART_ROW = 25  # pixels, of a bar
SHOWN = 15  # parts with their own bar
MONOSPACE = {"family": style.MONOSPACE, "size": style.TEXT_SIZE}


def lens_table(
    points: Sequence[str],
    labels: Sequence[str],
    tokens: Sequence[Sequence[str]],
    values: np.ndarray,
    notes: Sequence[Sequence[str]],
    *,
    top: float,
    chosen: tuple[int, int],
    first: int = 0,
    longest: int = LONGEST,
    dark: bool = False,
) -> go.Figure:
    """Draw a table: positions down, points of the stream across, in each cell the likeliest next token there.

    tokens, notes: [point][position], the cell's token and its hover text. values: (P, T), the cells' colour from 0
    (none) to `top` (strongest); NaN is empty. chosen: (point, position) of the framed cell; first: the position of the
    first row. longest: characters of a token that are shown. dark: draw for a dark page. A click selects a marker whose
    customdata begin with (point, position).
    Raises ValueError on other shapes. Source: nostalgebraist 2020, the logit lens.
    """
    P, T = len(points), len(labels)
    values = np.asarray(values, dtype=np.float32)
    if values.shape != (P, T) or any(np.shape(names) != (P, T) for names in (tokens, notes)):
        raise ValueError(f"{P} points and {T} positions do not fit values of {values.shape}, or the tokens or notes")
    x, y = chosen
    if not (0 <= x < P and first <= y < first + T):
        raise ValueError(f"cell {chosen} is not in a table of {P} points and {T} positions from {first}")
    shares = np.clip(np.nan_to_num(values) / top, 0, 1)
    scale = style.SEQUENTIAL_ON_DARK if dark else style.SEQUENTIAL
    inks = style.inks(scale, shares.T.ravel(), dark=dark)
    look = {"colorscale": style.opaque(scale, dark=dark), "showscale": False, "xgap": 2, "ygap": 2}
    colors = go.Heatmap(z=values.T, y0=first, zmin=0, zmax=top, hoverinfo="skip", **look)
    names = _names(tokens, notes, first, longest, inks)
    drawn = style.figure(colors, names, height=ROW * T + 84, clickmode="event+select", margin={"r": 32})
    drawn.update_layout(plot_bgcolor=style.PAGE[dark])
    drawn.update_xaxes(tickvals=list(range(P)), ticktext=list(points), side="top", tickangle=-45, showgrid=False)
    ticks = {"tickvals": list(range(first, first + T)), "ticktext": [escaped(_short(label, 12)) for label in labels]}
    drawn.update_yaxes(range=[first + T - 0.5, first - 0.5], tickfont=MONOSPACE, showgrid=False, **ticks)
    style.draw_frame(drawn, (x - 0.5, y - 0.5), (x + 0.5, y + 0.5))
    return drawn


def _names(
    tokens: Sequence[Sequence[str]], notes: Sequence[Sequence[str]], first: int, longest: int, inks: list[str]
) -> go.Scatter:
    """Return the tokens on their cells; a click selects a cell."""
    cells = [(point, position) for position in range(len(tokens[0])) for point in range(len(tokens))]
    return go.Scatter(
        x=[point for point, _ in cells],
        y=[first + position for _, position in cells],
        mode="markers+text",
        marker={"symbol": "square", "size": ROW - 2, "opacity": 0},
        text=[escaped(_short(visible(tokens[point][position]), longest)) for point, position in cells],
        textfont=MONOSPACE | {"color": inks},
        customdata=[
            [point, first + position, escaped(notes[point][position]).replace("\n", "<br>")]
            for point, position in cells
        ],
        hovertemplate="%{customdata[2]}<extra></extra>",
    )


def through_points(
    points: Sequence[str], entropy: npt.ArrayLike, divergence: npt.ArrayLike, rank: npt.ArrayLike | None, chosen: int
) -> go.Figure:
    """Draw how the prediction forms at one position: entropy and KL divergence to the answer in nats, and the true
    token's rank.

    entropy, divergence, rank: (P,); rank is None where the next token is unknown; chosen: the marked point.
    Raises ValueError on other shapes. Source: nostalgebraist 2020, the logit lens.
    """
    x = list(range(len(points)))
    for values in (entropy, divergence) if rank is None else (entropy, divergence, rank):
        if np.shape(values) != (len(x),):
            raise ValueError(f"{len(x)} points need as many values; got {np.shape(values)}")
    lines = [("entropy", style.ACCENT, entropy, "y"), ("KL to the answer", style.SECOND, divergence, "y")]
    if rank is not None:
        lines.append(("rank of the true next token", style.OKABE_ITO[2], rank, "y2"))
    hover = "%{y:.4g}<extra></extra>"
    traces = [
        style.line(x, values, color, 2, "lines+markers", name=name, yaxis=axis, hovertemplate=f"{name} {hover}")
        for name, color, values, axis in lines
    ]
    drawn = style.figure(*traces, height=420, showlegend=True, legend=style.LEGEND, margin={"t": 56})
    drawn.update_layout(
        yaxis={"title": "nats", "domain": [0.52, 1] if rank is not None else [0, 1], "rangemode": "tozero"},
        xaxis=style.some_ticks(points) | {"tickangle": -45, "showgrid": False},
    )
    if rank is not None:
        high = np.log10(max(2.0, float(np.max(rank)))) + 0.1
        below = {"title": "rank", "type": "log", "domain": [0, 0.42], "range": [high, -0.1], "dtick": 1}
        drawn.update_layout(yaxis2=below | {"automargin": True}, xaxis={"anchor": "y2"})
    drawn.add_vline(chosen, line={"color": style.MUTED, "width": 1, "dash": "dot"})
    return drawn


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def parts_bars(names: Sequence[str], values: npt.ArrayLike) -> go.Figure:
    """Draw the parts' contributions, largest absolute value first, and below them the sum of all others.

    Raises ValueError where names and values differ in number, or a value is not finite.
    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    """
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (len(names),) or not len(names) or not np.isfinite(values).all():
        raise ValueError(f"{len(names)} names need as many finite values, at least one; got {values.shape}")
    order = np.argsort(-np.abs(values), kind="stable")
    shown, rest = order[:SHOWN], order[SHOWN:]
    titles = [names[i] for i in shown] + [f"{len(rest)} others"] * bool(len(rest))
    sizes = [*values[shown].tolist(), *[values[rest].sum()] * bool(len(rest))]
    rows = list(range(len(titles)))
    signs = [style.ACCENT if size >= 0 else style.SECOND for size in sizes]
    colors, numbers = signs[: len(shown)] + [style.MUTED] * bool(len(rest)), [f"{size:+.3f}" for size in sizes]
    hover = "%{customdata}  %{x:+.5f}<extra></extra>"
    bars = style.bars(sizes, rows, colors, numbers, customdata=titles, hovertemplate=hover)
    drawn = style.figure(bars, height=PART_ROW * (SHOWN + 1) + 40, bargap=0.25)
    low, high = min(0.0, *sizes), max(0.0, *sizes)
    room = 0.3 * max(high - low, 1e-6)
    drawn.update_xaxes(range=[low - room * (low < 0), high + room], title="contribution to the logit", zeroline=True)
    drawn.update_yaxes(tickvals=rows, ticktext=titles, range=[SHOWN + 0.6, -0.6], showgrid=False)
    return drawn


def parts_map(heads: npt.ArrayLike, mlps: npt.ArrayLike) -> go.Figure:
    """Draw layers down, heads across, and the MLP as the last column: blue for the token, orange against it.

    heads: (n_layer, n_head); mlps: (n_layer,). Raises ValueError on other shapes.
    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    """
    heads, mlps = np.asarray(heads, dtype=np.float64), np.asarray(mlps, dtype=np.float64)
    if heads.ndim != 2 or mlps.shape != heads.shape[:1]:
        raise ValueError(f"a map needs (n_layer, n_head) heads and (n_layer,) MLPs; got {heads.shape} and {mlps.shape}")
    n_layer, n_head = heads.shape
    values = np.column_stack([heads, mlps])
    titles = [[*[head_name(layer, head) for head in range(n_head)], f"MLP {layer}"] for layer in range(n_layer)]
    top = float(np.abs(values).max()) or 1.0
    look = {"xgap": 2, "ygap": 2, "showscale": True, "colorbar": {"thickness": 10, "outlinewidth": 0}}
    hover = "%{customdata}  %{z:+.5f}<extra></extra>"
    cells = style.cells(values.astype(np.float32), top, customdata=titles, hovertemplate=hover, **look)
    drawn = style.figure(cells, height=max(200, row_height(n_layer) * n_layer + 60))
    columns = [*map(str, range(n_head)), "MLP"]
    drawn.update_xaxes(tickvals=list(range(n_head + 1)), ticktext=columns, title="head", showgrid=False)
    drawn.update_yaxes(tickvals=list(range(n_layer)), title="layer", range=[n_layer - 0.5, -0.5], showgrid=False)
    return drawn
