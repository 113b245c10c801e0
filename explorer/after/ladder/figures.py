"""Figures of the ladder after the lecture: what each rung gains, and which character goes to which expert."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped, visible

ROW, AXES = 72, 60  # pixels of a rung, and of the axis below
BAR, ABOVE = 0.25, 32  # the height of a bar, as a share of a row; pixels from its middle to that of the words above
TILE = 58  # pixels of an expert's row
PALE = 2.0  # the end of the colour scale, so that every character is readable on its tile


class Step(NamedTuple):
    """What a rung gains over the one before, in nats per character."""

    name: str
    gain: float
    low: float  # ends of the 95 % interval
    high: float
    words: str  # written beside the name

    @property
    def color(self) -> str:
        """Blue for a gain, orange for a loss, grey where the interval has zero."""
        return style.MUTED if self.low <= 0 <= self.high else style.ACCENT if self.gain > 0 else style.SECOND


def gain_ladder(steps: Sequence[Step]) -> go.Figure:
    """Draw one row per rung, the first at the top: its name and the words, its gain as a bar, the interval as a line.

    Raises ValueError without a rung.
    """
    if not steps:
        raise ValueError("there is no rung to draw; give at least one step of the ladder")
    rows, colors = list(range(len(steps))), [step.color for step in steps]
    hover = [f"{step.name}: {step.gain:+.4f} nats, {step.low:+.4f} to {step.high:+.4f}" for step in steps]
    look = {"hovertext": hover, "hoverinfo": "text", "opacity": 0.4, "width": BAR}
    bars = style.bars([step.gain for step in steps], rows, colors, [], **look)
    drawn = style.figure(bars, height=ROW * len(steps) + AXES)
    for row, step in enumerate(steps):
        drawn.add_trace(style.line([step.low, step.high], [row, row], step.color, 3, hoverinfo="skip"))
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": row, "yshift": ABOVE, "align": "left"}
        drawn.add_annotation(text=f"<b>{escaped(step.name)}</b><br>{escaped(step.words)}", showarrow=False, **place)
    drawn.update_xaxes(title="gain, nats per character", zeroline=True)
    drawn.update_yaxes(visible=False, range=[len(steps) - 0.5, -0.75])
    return drawn


def expert_tiles(characters: str, shares: np.ndarray) -> go.Figure:
    """Draw a tile for each character, in the row of the expert that gets most of its tokens, the largest share first.

    shares: (characters, experts), each row sums to 1. Raises ValueError on another shape.
    """
    if shares.ndim != 2 or len(shares) != len(characters) or not characters:
        raise ValueError(f"shares {shares.shape} must be (characters, experts) of {len(characters)} characters")
    rows, order = shares.argmax(1), np.argsort(-shares.max(1), kind="stable")
    columns = np.empty(len(order), int)
    for expert in range(shares.shape[1]):
        there = order[rows[order] == expert]
        columns[there] = np.arange(len(there))
    widest = int(columns.max()) + 1
    tiles, names = np.full((shares.shape[1], widest), np.nan), [escaped(visible(each)) for each in characters]
    tiles[rows, columns] = shares.max(1)
    look = {"colorscale": style.SEQUENTIAL, "showscale": False, "zmin": 0, "zmax": PALE, "xgap": 2, "ygap": 6}
    listed = [", ".join(f"expert {i} {share:.0%}" for i, share in enumerate(each)) for each in shares]
    hover = [f"{name}: {words}" for name, words in zip(names, listed, strict=True)]
    letters = go.Scatter(x=columns, y=rows, text=names, mode="text", hovertext=hover, hoverinfo="text")
    letters.textfont = {"family": style.MONOSPACE}
    cells = go.Heatmap(z=tiles, hoverinfo="skip", hoverongaps=False, **look)
    drawn = style.figure(cells, letters, height=TILE * len(tiles) + 20)
    drawn.update_xaxes(visible=False, range=[-0.5, widest - 0.5])
    drawn.update_yaxes(title="expert", tickvals=list(range(len(tiles))), range=[len(tiles) - 0.5, -0.5], showgrid=False)
    return drawn
