"""Figures of GRPO: the answers of a group with their advantages and their changed characters."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import style
from explorer.figures.tokens import escaped, visible

ROW, AXES = 44, 76  # pixels
SMALL = 11  # pixels of the text of a cell, so that three fit a phone
PALE = 3.0  # times the largest change: the end of the colour scale, so that every number is readable on its cell
LEAST = 0.02  # change of a probability that has the strongest colour, at least
WIDEST = 3.6  # standard deviations: the end of the axis, until an advantage is larger
RIGHT, WRONG = "✓", "✗"


def group_changes(
    answers: Sequence[str],
    rewards: np.ndarray,
    advantages: np.ndarray,
    probabilities: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> go.Figure:
    """Draw a group of answers, one per row: its advantage as a bar, and the probability of each character before and
    after an update, blue where it has become likelier.

    rewards, advantages: (G,); probabilities: of each answer, before and after, one number per character.
    """
    G = len(answers)
    figure = make_subplots(
        cols=2, shared_yaxes=True, column_widths=[0.25, 0.75], horizontal_spacing=0.04,
        subplot_titles=["advantage", "probabilities, %"],
    )  # fmt: skip
    shown = [f"{advantage:+.2f}".replace("-", "−") for advantage in advantages]
    colors = [style.ACCENT if advantage > 0 else style.SECOND for advantage in advantages]
    figure.add_trace(style.bars(advantages, list(range(G)), colors, shown, hoverinfo="skip"), 1, 1)
    longest = max(map(len, answers))
    changes, texts, places = np.full((G, longest), np.nan), [], []
    for row, (answer, (before, after)) in enumerate(zip(answers, probabilities, strict=True)):
        for column, character in enumerate(answer):
            changes[row, column] = after[column] - before[column]
            texts.append(
                f"<b>{escaped(visible(character))}</b><br>{100 * before[column]:.1f}→{100 * after[column]:.1f}"
            )
            places.append((column, row))
    end = PALE * max(LEAST, float(np.nanmax(np.abs(changes))))
    hover = "%{z:+.4f}<extra></extra>"
    figure.add_trace(style.cells(changes, end, xgap=2, ygap=2, hoverongaps=False, hovertemplate=hover), 1, 2)
    x, y = zip(*places, strict=True)  # text of a scatter has the page's text colour
    figure.add_trace(go.Scatter(x=x, y=y, mode="text", text=texts, textfont={"size": SMALL}, hoverinfo="skip"), 1, 2)
    figure.update_layout(template=style.TEMPLATE, height=ROW * G + AXES, margin={"t": 32}, bargap=0.35)
    figure.update_annotations(font={"size": style.TEXT_SIZE})
    names = [
        f"{RIGHT if reward else WRONG} {escaped(visible(answer))}"
        for answer, reward in zip(answers, rewards, strict=True)
    ]
    reach = max(WIDEST, 2.0 * float(np.abs(advantages).max()))
    figure.update_xaxes(range=[-reach, reach], showticklabels=False, showgrid=False, zeroline=True, col=1)
    figure.update_xaxes(range=[-0.5, longest - 0.5], visible=False, col=2)
    font = {"family": style.MONOSPACE}
    figure.update_yaxes(range=[G - 0.5, -0.5], tickvals=list(range(G)), ticktext=names, tickfont=font, showgrid=False)
    return figure
