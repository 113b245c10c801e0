"""Bands in place of curves: the lowest, the median and the highest of several seeds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.curves import Series

HEIGHT = 420  # pixels
OPACITY = 0.22  # of a band
WIDTH = 2.5  # pixels of a median, and of an own curve


class Band(NamedTuple):
    """The curves of the seeds of one recipe."""

    name: str
    color: str
    x: Sequence[float] | np.ndarray  # P places
    curves: np.ndarray  # (seeds, P)


def levels(curves: np.ndarray) -> np.ndarray:
    """Return the lowest, the median and the highest value at each place, (3, P). curves: (seeds, P)."""
    return np.stack([curves.min(0), np.median(curves, axis=0), curves.max(0)])


def bands(
    drawn: Sequence[Band],
    own: Mapping[str, Series] | None = None,
    *,
    x_title: str,
    y_title: str,
    shows_seeds: bool = False,
) -> go.Figure:
    """Draw each band from its lowest to its highest seed, with the median as a line.

    own: name → curve of the person, drawn above the bands. shows_seeds: also draw each seed as a thin line. Raises
    ValueError where curves are not (seeds, P) of P places.
    """
    figure = style.figure(height=HEIGHT, showlegend=True, hovermode="x unified", uirevision=y_title)
    for band in drawn:
        if band.curves.ndim != 2 or band.curves.shape[1] != len(band.x) or not len(band.curves):
            raise ValueError(f"{band.name}: curves {band.curves.shape} must be (seeds, {len(band.x)})")
        low, middle, high = levels(band.curves)
        figure.add_trace(style.line(band.x, high, band.color, 0, hoverinfo="skip", showlegend=False))
        fill = {"fill": "tonexty", "fillcolor": _faint(band.color), "hoverinfo": "skip", "showlegend": False}
        figure.add_trace(style.line(band.x, low, band.color, 0, **fill))
        for curve in band.curves if shows_seeds else ():
            thin = style.line(band.x, curve, band.color, 1, opacity=0.45, hoverinfo="skip", showlegend=False)
            figure.add_trace(thin)
        hover = "%{y:.4f} (%{customdata[0]:.4f} to %{customdata[1]:.4f})"
        line = style.line(band.x, middle, band.color, WIDTH, name=band.name, hovertemplate=hover)
        figure.add_trace(line.update(customdata=np.stack([low, high], axis=1)))
    for name, (x, y) in (own or {}).items():
        figure.add_trace(style.line(x, y, style.SECOND, WIDTH, name=name, hovertemplate="%{y:.4f}"))
    figure.update_layout(legend=style.LEGEND, margin={"t": 40})
    figure.update_xaxes(title=x_title, showgrid=False)
    figure.update_yaxes(title=y_title)
    return figure


def _faint(color: str) -> str:
    red, green, blue = bytes.fromhex(color[1:])
    return f"rgba({red},{green},{blue},{OPACITY})"
