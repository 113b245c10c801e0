"""The symbols of a text."""

from collections.abc import Mapping

import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped, visible

MOST = 80  # symbols in the figure


def symbol_frequencies(counts: Mapping[str, int]) -> go.Figure:
    """Draw how often each symbol is in a text, in percent, the first `MOST` symbols.

    counts: symbol → how often, the most frequent first. Raises ValueError if there is none. Source: lecture 00:07:52.
    """
    total = sum(counts.values())
    if total < 1:
        raise ValueError("there is no symbol to count")
    drawn_symbols = list(counts)[:MOST]
    bars = go.Bar(
        x=[escaped(visible(symbol)) for symbol in drawn_symbols],
        y=[100 * counts[symbol] / total for symbol in drawn_symbols],
        marker={"color": style.ACCENT},
        customdata=[counts[symbol] for symbol in drawn_symbols],
        hovertemplate="%{x}<br>%{customdata:,} times, %{y:.3f} %<extra></extra>",
    )
    drawn = style.figure(bars, height=280, bargap=0.2)
    font = {"family": style.MONOSPACE, "size": 12}
    drawn.update_xaxes(type="category", tickangle=0, tickfont=font, showgrid=False, title="symbol")
    drawn.update_yaxes(title="% of the text", rangemode="tozero")
    return drawn
