"""Figures of seeds: the scores that rise, the steps of birth, and the patterns of matched heads."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.curves import Series

HEIGHT = 380  # pixels
GAP = 0.25  # between two patterns, as a share of one
PAIR = 340  # pixels of two rows of patterns


def rising_scores(scores: Mapping[str, Series], births: Mapping[str, float | None], threshold: float) -> go.Figure:
    """Draw the best score of each seed over the steps, the threshold, and a mark where a seed reaches it.

    scores: name → steps, and scores there. births: name → step, or None. A name that
    begins with "yours" has another colour.
    """
    traces = []
    for name, (steps, values) in scores.items():
        color, width = (style.SECOND, 2.5) if name.startswith("yours") else (style.ACCENT, 1.2)
        hover = f"{name}, step %{{x}}: %{{y:.2f}}<extra></extra>"
        traces.append(style.line(steps, values, color, width, hovertemplate=hover))
        mark = {"size": 9, "color": color}
        born = f"{name}: born at step %{{x:.0f}}<extra></extra>"
        traces.append(go.Scatter(x=[births[name]], y=[threshold], mode="markers", marker=mark, hovertemplate=born))
    drawn = style.figure(*traces, height=HEIGHT, shapes=[style.level(threshold, color=style.MUTED, dash="dash")])
    drawn.update_xaxes(title="step", showgrid=False)
    drawn.update_yaxes(title="best induction score", range=[-0.06, 1])
    return drawn


def birth_bars(births: Mapping[str, float | None]) -> go.Figure:
    """Draw the step of birth of each seed, one bar per seed. births: name → step, or None where no head is born."""
    names = list(births)
    colors = [style.SECOND if name.startswith("yours") else style.ACCENT for name in names]
    text = ["not born" if step is None else f"{step:.0f}" for step in births.values()]
    hover = "%{y}: %{text}<extra></extra>"
    bars = style.bars(
        [step or 0 for step in births.values()], list(range(len(names))), colors, text, hovertemplate=hover
    )
    drawn = style.figure(bars, height=HEIGHT)
    longest = max([1, *(step or 0 for step in births.values())])
    drawn.update_xaxes(title="born at step", range=[0, 1.2 * longest], showgrid=False)
    drawn.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], showgrid=False)
    return drawn


def matched_patterns(
    above: np.ndarray, below: np.ndarray, names: tuple[Sequence[str], Sequence[str]], tokens: Sequence[str]
) -> go.Figure:
    """Draw the heads of one layer in a row, and below each its partner in another seed.

    above, below: (n_head, T, T), partners at the same place. names: of the heads above and below. A cell is NaN behind
    the mask. Raises ValueError where the shapes differ.
    """
    if above.shape != below.shape or above.shape[1:] != (len(tokens), len(tokens)):
        raise ValueError(f"patterns {above.shape} and {below.shape} must be (n_head, T, T) of {len(tokens)} tokens")
    n_head, T, _ = above.shape
    every = T * (1 + GAP)  # cells from one pattern to the next
    look = {"colorscale": style.SEQUENTIAL, "showscale": False, "zmin": 0, "zmax": 1, "hoverongaps": False}
    drawn = style.figure(height=PAIR)
    text = [[f"{query} reads {key}" for key in tokens] for query in tokens]
    for row, (patterns, titles) in enumerate(zip((above, below), names, strict=True)):
        for head in range(n_head):
            x, y = head * every, row * every
            hover = f"{titles[head]}: %{{text}}, %{{z:.2f}}<extra></extra>"
            drawn.add_trace(go.Heatmap(z=patterns[head], x0=x, y0=y, text=text, hovertemplate=hover, **look))
            frame = {"color": style.MUTED, "width": 1}
            style.draw_frame(drawn, (x - 0.5, y - 0.5), (x + T - 0.5, y + T - 0.5), **frame)
            place = {"x": x + (T - 1) / 2, "y": y - 0.6, "yanchor": "bottom", "showarrow": False}
            drawn.add_annotation(text=titles[head], **place)
    drawn.update_xaxes(visible=False, range=[-1, n_head * every - T * GAP], constrain="domain")
    drawn.update_yaxes(visible=False, range=[2 * every - T * GAP, -T * GAP], scaleanchor="x", constrain="domain")
    return drawn
