"""Several runs on one plot: their losses as they fall, each held against its published figure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.curves import running_mean, thinned

HEIGHT = 440  # pixels
HIGHEST = 3.4  # nats: all start above, and nothing is to be told apart there once they are below
CEILING = 5.0  # nats: a loss that grows beyond does not press the others together
GAP = 0.045  # of the axis, between two labels


class Racer(NamedTuple):
    """One run. train, val: where on the x axis, and the losses there in nats a token; published: a loss, or None."""

    name: str
    color: str
    train: tuple[Sequence[float], Sequence[float]]
    val: tuple[Sequence[float], Sequence[float]]
    published: float | None = None


def race_curves(racers: Sequence[Racer], *, unit: str, end: float) -> go.Figure:
    """Draw every run's training loss as a thin running mean, its validation loss as a line with points, and what was published.

    unit: the x axis's title. end: how far the x axis reaches at least. Raises ValueError on a curve of unequal lengths.
    Source: lecture 00:34:53 to 01:37:49, the ladder.
    """
    traces = []
    for racer in racers:
        for name, (x, y) in (("train", racer.train), ("validation", racer.val)):
            if len(x) != len(y):
                raise ValueError(f"{racer.name}: {len(x)} places and {len(y)} losses of {name}; give one loss a place")
        line = {"color": racer.color}
        mean = running_mean(racer.train[1])
        some = thinned(mean)
        thin = {"width": 1, **line}
        traces += [
            go.Scatter(
                x=np.asarray(racer.train[0])[some],
                y=mean[some],
                line=thin,
                opacity=0.45,
                hoverinfo="skip",
                showlegend=False,
                mode="lines",
            ),
            go.Scatter(
                x=racer.val[0],
                y=racer.val[1],
                line={"width": 2, **line},
                mode="lines+markers",
                name=racer.name,
                hovertemplate="%{y:.3f} nats at %{x:,.4~s} " + unit,
            ),
        ]
    drawn = style.figure(*traces, height=HEIGHT, showlegend=True, uirevision=unit)
    compared = [racer for racer in racers if racer.published is not None]
    margin = {"t": 40} | ({"r": 96} if compared else {})  # room for what names the dashed lines
    drawn.update_layout(legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}, margin=margin)
    drawn.update_xaxes(range=[0, end], title=unit, showgrid=False)
    drawn.update_yaxes(range=_span(racers), title="loss, nats a token")
    _draw_published(drawn, compared)
    return drawn


def spread(values: Sequence[float], gap: float) -> np.ndarray:
    """Places for labels near these values, in their order, at least `gap` apart: (n,). Neighbours share the shift.

    >>> spread([1.0, 1.0, 3.0], 0.5).tolist()
    [0.75, 1.25, 3.0]
    """
    values = np.asarray(values, dtype=float)
    order = np.argsort(values, kind="stable")
    groups: list[list[float]] = []  # of touching labels: [centre, how many]
    for value in values[order]:
        groups.append([value, 1])
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < gap * (groups[-1][1] + groups[-2][1]) / 2:
            centre, count = groups.pop()
            below = groups[-1]
            below[0] = (below[0] * below[1] + centre * count) / (below[1] + count)
            below[1] += count
    placed = np.empty(len(values))
    placed[order] = [centre + gap * (i - (count - 1) / 2) for centre, count in groups for i in range(int(count))]
    return placed


def _span(racers: Sequence[Racer]) -> list[float]:
    lowest = min([2.0, *(racer.published or 2.0 for racer in racers), *(y for racer in racers for y in racer.val[1])])
    newest = [racer.val[1][-1] for racer in racers if len(racer.val[1])]
    return [np.floor(10 * lowest - 1) / 10, min(max([HIGHEST, *(loss + 0.1 for loss in newest)]), CEILING)]


def _draw_published(drawn: go.Figure, racers: Sequence[Racer]) -> None:
    """A dashed line each, named in the right margin, where names that would touch move apart."""
    low, high = drawn.layout.yaxis.range
    places = spread([racer.published for racer in racers], GAP * (high - low))
    names = [
        {
            "text": f"{racer.published:.2f} lecture", "x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "y": place,
            "yanchor": "middle", "showarrow": False, "font": {"color": racer.color, "size": style.TEXT_SIZE - 1},
        }
        for racer, place in zip(racers, places, strict=True)
    ]  # fmt: skip
    lines = [style.level(racer.published, color=racer.color, width=1.5, dash="dash") for racer in racers]
    drawn.update_layout(shapes=lines, annotations=names)
