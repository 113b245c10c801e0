"""A run's loss while it trains, held against what is known without training."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped

HEIGHT = 380  # pixels
LOWEST = 0.7  # share of the lowest level down to which there is room for curves
CLOSE = 0.08  # of the axis, between two lines with no room for a name
POINTS = 2000  # of a training loss; more cannot be told apart
LINES = ((style.ACCENT, 1), (style.ACCENT, 2), (style.SECOND, 2))  # each batch, its running mean, validation
MEMORY = 0.9  # of the running mean: about the last ten logged losses count
BLOCK = 256  # values whose running mean is taken in one step


class Branch(NamedTuple):
    """The run that another was forked from: its name, the step of the fork, and its training losses at their steps."""

    name: str
    step: int
    steps: Sequence[float]
    losses: Sequence[float]


class Level(NamedTuple):
    """A loss to compare with, drawn as a horizontal line."""

    name: str
    loss: float


def loss_curves(
    train: tuple[Sequence[float], Sequence[float]],
    val: tuple[Sequence[float], Sequence[float]],
    *,
    steps: int,
    levels: Sequence[Level] = (),
    parent: Branch | None = None,
    unit: str = "token",
) -> go.Figure:
    """Draw the training loss, faint as it was logged and strong as a running mean, the validation loss, and the levels.

    parent: drawn behind, as a running mean, with a mark where the child leaves it. unit: what the losses are nats of.

    train, val: the steps and the losses there, in nats, equally many, possibly none. steps: the run's length, at least
    1, so that the axis stands still while the curve grows. Raises ValueError on unequal lengths.
    Source: lecture 00:34:53, 00:38:00.
    """
    train_steps, train_losses = _checked("train", train)
    val_steps, val_losses = _checked("val", val)
    some, seen = thinned(train_losses), thinned(val_losses)
    batch_line, mean_line, val_line = ({"color": color, "width": width} for color, width in LINES)
    hover = "%{y:.4f}"
    traces = [
        go.Scatter(
            x=train_steps[some], y=train_losses[some], line=batch_line, opacity=0.3, hoverinfo="skip", showlegend=False
        ),
        go.Scatter(
            x=train_steps[some], y=running_mean(train_losses)[some], line=mean_line, hovertemplate=hover, name="train"
        ),
        go.Scatter(x=val_steps[seen], y=val_losses[seen], line=val_line, hovertemplate=hover, name="validation"),
    ]
    for trace, mode in zip(traces, ("lines", "lines", "lines+markers"), strict=True):
        trace.mode = mode
    lows = np.concatenate([train_losses, val_losses])
    if parent:
        parent_steps, parent_losses = _checked("parent", (parent.steps, parent.losses))
        line = {"color": style.MUTED, "width": 2}
        name = f"{escaped(parent.name)}, train"
        means = running_mean(parent_losses)
        some = thinned(means)
        traces = [
            go.Scatter(x=parent_steps[some], y=means[some], mode="lines", line=line, hovertemplate=hover, name=name),
            *traces,
        ]
        lows, steps = np.concatenate([lows, means]), max(steps, parent_steps.max(initial=0))
    drawn = style.figure(*traces, height=HEIGHT, hovermode="x unified", showlegend=True, uirevision=steps)
    drawn.update_layout(legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}, margin={"t": 32})
    drawn.update_xaxes(range=[0, max(steps, 1)], title="step", showgrid=False)
    drawn.update_yaxes(range=_span(lows, [level.loss for level in levels]))
    drawn.update_yaxes(title=f"loss, nats a {unit}")
    _draw_levels(drawn, levels)
    if parent:
        drawn.add_vline(
            parent.step,
            line={"color": style.MUTED, "width": 1.5, "dash": "dot"},
            annotation={"text": "fork", "yanchor": "top"},
        )
    return drawn


def running_mean(values: Sequence[float]) -> np.ndarray:
    """The exponential running mean of n values, (n,), each entry a true weighted mean of the values up to it."""
    n = len(values)
    both = np.zeros((2, -(-n // BLOCK) * BLOCK))  # the values, and their weights
    both[:, :n] = values, np.ones(n)
    powers = MEMORY ** np.arange(BLOCK)
    sums = np.cumsum(both.reshape(2, -1, BLOCK) / powers, axis=-1) * powers  # of each block by itself
    for block in range(1, sums.shape[1]):
        sums[:, block] += sums[:, block - 1, -1:] * MEMORY * powers
    total, weight = sums.reshape(2, -1)[:, :n]
    return total / weight


def thinned(values: Sequence[float], points: int = POINTS) -> np.ndarray:
    """Which of n values to draw where more cannot be told apart: at most `points` indices: both ends, and of
    each stretch the lowest and the highest."""
    values = np.asarray(values)
    n = len(values)
    if n <= points:
        return np.arange(n)
    each = -(-n // ((points - 2) // 2))
    starts = np.arange(0, n, each)
    stretches = np.pad(values, (0, len(starts) * each - n), mode="edge").reshape(-1, each)
    extremes = [starts + stretches.argmin(1), starts + stretches.argmax(1)]
    return np.unique(np.minimum(np.concatenate([[0], *extremes, [n - 1]]), n - 1))


def _draw_levels(drawn: go.Figure, levels: Sequence[Level]) -> None:
    """Lines with their names at the right end, above the line; below it where the name of the one above would be in the way.

    The lowest of three is what curves end at, so its name stands at the left end, below the line, where they have not come yet.
    """
    low, high = drawn.layout.yaxis.range
    ordered = sorted(levels, key=lambda level: -level.loss)
    names = []
    for i, level in enumerate(ordered):
        end = "left" if i == 2 else "right"
        is_close = i > 0 and ordered[i - 1].loss - level.loss < CLOSE * (high - low)
        names.append(
            {
                "text": f"{level.name} {level.loss:.2f}",
                "xref": "x domain",
                "x": 0 if end == "left" else 1,
                "xanchor": end,
                "y": level.loss,
                "yanchor": "top" if end == "left" or is_close else "bottom",
                "showarrow": False,
                "font": {"size": style.TEXT_SIZE},
            }
        )
    lines = [style.level(level.loss, color=style.MUTED, width=1.5, dash="dash") for level in ordered]
    drawn.update_layout(shapes=lines, annotations=names)


def _span(losses: np.ndarray, levels: Sequence[float]) -> list[float]:
    """The axis has room below the levels from the start, and its ends move in quarters: it seldom moves while a loss falls."""
    measured = [losses.min(), losses.max()] if len(losses) else []
    low = min([*(loss - 0.05 for loss in measured), *(LOWEST * level for level in levels)], default=0.0)
    high = max([*measured, *levels], default=5.0) + 0.1
    return [max(0.0, math.floor(4 * low) / 4), math.ceil(4 * high) / 4]


def _checked(name: str, curve: tuple[Sequence[float], Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    steps, losses = (np.asarray(values, dtype=np.float64) for values in curve)
    if steps.ndim != 1 or steps.shape != losses.shape:
        raise ValueError(f"{name} has {steps.shape} steps and {losses.shape} losses; give one loss a step")
    return steps, losses
