"""What the model would say at each point of its residual stream."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped, visible

ROW = 26  # pixels
LONGEST = 8  # characters of a token in a cell
MONOSPACE = {"family": style.MONOSPACE, "size": style.TEXT_SIZE}
LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}


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
    dark: bool = False,
) -> go.Figure:
    """Draw a table: positions down, points of the stream across, in each cell the likeliest next token there.

    tokens, notes: [point][position], what stands in the cell and what is said of it when it is pointed at, in lines. values: (P, T), the
    cells' colour, 0 is none and `top` the strongest, NaN draws nothing. chosen: (point, position) of the framed cell; first: the
    position of the first row. dark: the kind of page it is drawn for; it stays readable on the other. A click selects a marker whose
    customdata begin with (point, position). Raises ValueError on other shapes.
    Source: nostalgebraist 2020, the logit lens.
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
    colors = go.Heatmap(
        z=values.T,
        y0=first,
        zmin=0,
        zmax=top,
        colorscale=style.opaque(scale, dark=dark),
        showscale=False,
        hoverinfo="skip",
        xgap=2,
        ygap=2,
    )
    names = _names(tokens, notes, first, inks)
    drawn = style.figure(colors, names, height=ROW * T + 84, clickmode="event+select", margin={"r": 32})
    drawn.update_layout(plot_bgcolor=style.PAGE[dark])
    drawn.update_xaxes(tickvals=list(range(P)), ticktext=list(points), side="top", tickangle=-45, showgrid=False)
    drawn.update_yaxes(
        tickvals=list(range(first, first + T)),
        ticktext=[escaped(_short(label, 12)) for label in labels],
        tickfont=MONOSPACE,
        range=[first + T - 0.5, first - 0.5],
        showgrid=False,
    )
    frame = {"color": style.SECOND, "width": 2}
    drawn.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line=frame)
    return drawn


def _names(tokens: Sequence[Sequence[str]], notes: Sequence[Sequence[str]], first: int, inks: list[str]) -> go.Scatter:
    """The tokens on their cells, which are what a click selects."""
    cells = [(point, position) for position in range(len(tokens[0])) for point in range(len(tokens))]
    return go.Scatter(
        x=[point for point, _ in cells],
        y=[first + position for _, position in cells],
        mode="markers+text",
        marker={"symbol": "square", "size": ROW - 2, "opacity": 0},
        text=[escaped(_short(visible(tokens[point][position]))) for point, position in cells],
        textfont=MONOSPACE | {"color": inks},
        customdata=[
            [point, first + position, escaped(notes[point][position]).replace("\n", "<br>")]
            for point, position in cells
        ],
        hovertemplate="%{customdata[2]}<extra></extra>",
    )


def through_points(
    points: Sequence[str], entropy: np.ndarray, divergence: np.ndarray, rank: np.ndarray | None, chosen: int
) -> go.Figure:
    """Draw one position's way to the answer: entropy and KL to the answer in nats, below them the true next token's rank.

    entropy, divergence, rank: (P,); rank is None where no next token is known; chosen: the point that is marked.
    Raises ValueError on other shapes. Source: nostalgebraist 2020, the logit lens.
    """
    x = list(range(len(points)))
    for values in (entropy, divergence) if rank is None else (entropy, divergence, rank):
        if np.shape(values) != (len(x),):
            raise ValueError(f"{len(x)} points need as many values; got {np.shape(values)}")
    lines = [("entropy", style.ACCENT, entropy, "y"), ("KL to the answer", style.SECOND, divergence, "y")]
    if rank is not None:
        lines.append(("rank of the true next token", style.OKABE_ITO[2], rank, "y2"))
    traces = [
        go.Scatter(
            x=x,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2},
            yaxis=axis,
            hovertemplate=f"{name} %{{y:.4g}}<extra></extra>",
        )
        for name, color, values, axis in lines
    ]
    drawn = style.figure(*traces, height=420, showlegend=True, legend=LEGEND, margin={"t": 56})
    drawn.update_layout(
        yaxis={"title": "nats", "domain": [0.52, 1] if rank is not None else [0, 1], "rangemode": "tozero"},
        xaxis={"tickvals": x, "ticktext": list(points), "tickangle": -45, "showgrid": False},
    )
    if rank is not None:
        high = np.log10(max(2.0, float(np.max(rank)))) + 0.1
        below = {"title": "rank", "type": "log", "domain": [0, 0.42], "range": [high, -0.1], "dtick": 1}
        drawn.update_layout(yaxis2=below | {"automargin": True}, xaxis={"anchor": "y2"})
    drawn.add_vline(chosen, line={"color": style.MUTED, "width": 1, "dash": "dot"})
    return drawn


def _short(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
