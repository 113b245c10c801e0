"""A run's loss over its steps, with losses to compare it with."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped

HEIGHT = 380  # pixels
LOWEST = 0.7  # the axis starts at this share of the lowest level
CLOSE = 0.08  # share of the axis; between two lines this close there is no room for a label
POINTS = 2000  # drawn points of one curve; more look the same
MEMORY = 0.9  # of the running mean: about the last ten logged losses count
BLOCK = 256  # values per step of the running mean
HOVER = "%{y:.4f}"

Numbers = Sequence[float] | np.ndarray
Series = tuple[Numbers, Numbers]  # steps, and the values there


class Branch(NamedTuple):
    """The parent of a fork: its name, the step of the fork, and its training losses at their steps."""

    name: str
    step: int
    steps: Numbers
    losses: Numbers


class Level(NamedTuple):
    """A loss to compare with, drawn as a horizontal line."""

    name: str
    loss: float


def loss_curves(
    train: Series,
    val: Series,
    *,
    steps: int,
    levels: Sequence[Level] = (),
    parent: Branch | None = None,
    unit: str = "nats per token",
) -> go.Figure:
    """Draw the training loss (faint: each batch, strong: the running mean), the validation loss, and the levels.

    train, val: steps and losses in nats, of equal length, possibly empty. steps: the run's length, at least 1, so that
    the axis stays the same while the curve grows. parent: drawn behind, as a running mean, with a mark at the fork.
    unit: of the losses. Raises ValueError on unequal lengths. Source: lecture 00:34:53, 00:38:00.
    """
    train_steps, train_losses = _checked("train", train)
    val_steps, val_losses = _checked("val", val)
    some, means = thinned(train_losses), running_mean(train_losses)
    faint: dict[str, Any] = {"width": 1, "opacity": 0.3, "hoverinfo": "skip", "showlegend": False}
    batch = style.line(train_steps[some], train_losses[some], style.ACCENT, **faint)
    mean = style.line(train_steps[some], means[some], style.ACCENT, 2, name="train", hovertemplate=HOVER)
    some = thinned(val_losses)
    look: dict[str, Any] = {"name": "validation", "hovertemplate": HOVER, "mode": "lines+markers"}
    validation = style.line(val_steps[some], val_losses[some], style.SECOND, **look)
    traces, losses = [batch, mean, validation], [train_losses, val_losses]
    if parent:
        parent_steps, parent_losses = _checked("parent", (parent.steps, parent.losses))
        means = running_mean(parent_losses)
        some, name = thinned(means), f"{escaped(parent.name)}, train"
        traces.insert(0, style.line(parent_steps[some], means[some], style.MUTED, 2, name=name, hovertemplate=HOVER))
        losses.append(means)
        steps = max(steps, int(parent_steps.max(initial=0)))
    figure = style.figure(*traces, height=HEIGHT, hovermode="x unified", showlegend=True, uirevision=steps)
    figure.update_layout(legend=style.LEGEND, margin={"t": 32})
    figure.update_xaxes(range=[0, max(steps, 1)], title="step", showgrid=False)
    span = _span(np.concatenate(losses), [level.loss for level in levels])
    figure.update_yaxes(range=span, title=f"loss, {unit}")
    _draw_levels(figure, levels, span)
    if parent:
        mark = {"color": style.MUTED, "width": 1.5, "dash": "dot"}
        figure.add_vline(parent.step, line=mark, annotation={"text": "fork", "yanchor": "top"})
    return figure


def running_mean(values: Numbers) -> np.ndarray:
    """Return the exponential running mean of n values, (n,): each entry is a weighted mean of the values up to it."""
    n = len(values)
    both = np.zeros((2, -(-n // BLOCK) * BLOCK))  # the values, and their weights
    both[:, :n] = values, np.ones(n)
    powers = MEMORY ** np.arange(BLOCK)
    sums = np.cumsum(both.reshape(2, -1, BLOCK) / powers, axis=-1) * powers  # of each block by itself
    for block in range(1, sums.shape[1]):
        sums[:, block] += sums[:, block - 1, -1:] * MEMORY * powers
    total, weight = sums.reshape(2, -1)[:, :n]
    return total / weight


def thinned(values: Numbers, points: int = POINTS) -> np.ndarray:
    """Return which of n values to draw, at most `points` indices: both ends, and the extremes of each stretch."""
    values = np.asarray(values)
    n = len(values)
    if n <= points:
        return np.arange(n)
    each = -(-n // ((points - 2) // 2))
    starts = np.arange(0, n, each)
    stretches = np.pad(values, (0, len(starts) * each - n), mode="edge").reshape(-1, each)
    extremes = [starts + stretches.argmin(1), starts + stretches.argmax(1)]
    return np.unique(np.minimum(np.concatenate([[0], *extremes, [n - 1]]), n - 1))


def _draw_levels(figure: go.Figure, levels: Sequence[Level], span: list[float]) -> None:
    """Draw each level as a line with a label above its right end, or below it if the label of the line above is close.

    The curves end near the lowest of three levels, so its label is at the left end, below the line.
    """
    ordered = sorted(levels, key=lambda level: -level.loss)
    labels = []
    for i, level in enumerate(ordered):
        is_left = i == 2
        is_close = i > 0 and ordered[i - 1].loss - level.loss < CLOSE * (span[1] - span[0])
        labels.append({
            "text": f"{level.name} {level.loss:.2f}", "xref": "x domain", "x": 0 if is_left else 1,
            "xanchor": "left" if is_left else "right", "y": level.loss,
                "yanchor": "top" if is_left or is_close else "bottom",
            "showarrow": False, "font": {"size": style.TEXT_SIZE},
        })  # fmt: skip
    lines = [style.level(level.loss, color=style.MUTED, width=1.5, dash="dash") for level in ordered]
    figure.update_layout(shapes=lines, annotations=labels)


def _span(losses: np.ndarray, levels: Sequence[float]) -> list[float]:
    """Return the ends of the axis: multiples of 0.25 below the levels, so they rarely move during a run."""
    extremes = [losses.min(), losses.max()] if len(losses) else []
    low = min([*(loss - 0.05 for loss in extremes), *(LOWEST * level for level in levels)], default=0.0)
    high = max([*extremes, *levels], default=5.0) + 0.1
    return [max(0.0, math.floor(4 * low) / 4), math.ceil(4 * high) / 4]


def _checked(name: str, curve: Series) -> tuple[np.ndarray, np.ndarray]:
    steps, losses = (np.asarray(values, dtype=np.float64) for values in curve)
    if steps.ndim != 1 or steps.shape != losses.shape:
        raise ValueError(f"{name} has {steps.shape} steps and {losses.shape} losses; give one loss per step")
    return steps, losses
