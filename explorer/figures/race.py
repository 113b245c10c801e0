"""The losses of several runs in one figure, each with its published loss."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.curves import Series, running_mean, thinned

HEIGHT = 440  # pixels
HIGHEST = 3.4  # nats: the end of the axis when all losses are below it
CEILING = 5.0  # nats: the end of the axis for losses that grow
GAP = 0.045  # share of the axis between two labels


class Racer(NamedTuple):
    """One run. train, val: places on the x axis, and losses in nats per token. published: a loss, or None."""

    name: str
    color: str
    train: Series
    val: Series
    published: float | None = None


def race_curves(racers: Sequence[Racer], *, unit: str, end: float) -> go.Figure:
    """Draw each run's training loss as a thin running mean, its validation loss with points, and its published loss.

    unit: the title of the x axis. end: the end of the x axis. Raises ValueError on a curve of unequal lengths.
    Source: lecture 00:34:53 to 01:37:49, the ladder.
    """
    traces = []
    for racer in racers:
        for name, (x, y) in (("train", racer.train), ("validation", racer.val)):
            if len(x) != len(y):
                raise ValueError(
                    f"{racer.name}: {len(x)} places and {len(y)} losses of {name}; give one loss per place"
                )
        mean = running_mean(racer.train[1])
        some = thinned(mean)
        thin = style.line(
            np.asarray(racer.train[0])[some], mean[some], racer.color, 1, hoverinfo="skip", showlegend=False
        )
        hover = "%{y:.3f} nats at %{x:,.4~s} " + unit
        thick = style.line(*racer.val, racer.color, 2, name=racer.name, hovertemplate=hover, mode="lines+markers")
        traces += [thin.update(opacity=0.45), thick]
    figure = style.figure(*traces, height=HEIGHT, showlegend=True, uirevision=unit)
    published = [(racer.published, racer.color) for racer in racers if racer.published is not None]
    margin = {"t": 40} | ({"r": 96} if published else {})  # room for the labels of the dashed lines
    figure.update_layout(legend=style.LEGEND, margin=margin)
    figure.update_xaxes(range=[0, end], title=unit, showgrid=False)
    span = _span(racers)
    figure.update_yaxes(range=span, title="loss, nats per token")
    _draw_published(figure, published, GAP * (span[1] - span[0]))
    return figure


def spread(values: Sequence[float], gap: float) -> np.ndarray:
    """Return places for labels near these values, at least `gap` apart: (n,). Neighbours share the shift.

    >>> spread([1.0, 1.0, 3.0], 0.5).tolist()
    [0.75, 1.25, 3.0]
    """
    order = np.argsort(values, kind="stable")
    groups: list[list[float]] = []  # of touching labels: [centre, number of labels]
    for value in sorted(values):
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


def _draw_published(figure: go.Figure, published: Sequence[tuple[float, str]], gap: float) -> None:
    """Draw a dashed line per loss and colour, with a label in the right margin. Labels are at least `gap` apart."""
    places = spread([loss for loss, _ in published], gap)
    labels = [
        {
            "text": f"{loss:.2f} lecture", "x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "y": place,
            "yanchor": "middle", "showarrow": False, "font": {"color": color, "size": style.TEXT_SIZE - 1},
        }
        for (loss, color), place in zip(published, places, strict=True)
    ]  # fmt: skip
    lines = [style.level(loss, color=color, width=1.5, dash="dash") for loss, color in published]
    figure.update_layout(shapes=lines, annotations=labels)
