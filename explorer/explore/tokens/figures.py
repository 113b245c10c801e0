"""Figures of a text as tokens: vocabulary size against length, and the split into training and validation text."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped


def vocabulary_against_length(
    names: Sequence[str], sizes: Sequence[int], lengths: Sequence[int], shown: Sequence[int]
) -> go.Figure:
    """Draw how many tokens one text has under vocabularies of different sizes, on a logarithmic axis.

    names, sizes, lengths: one per tokenizer; shown: indices of the labelled tokenizers.
    Raises ValueError where the lists differ in length, or a size is below 1. Source: lecture 00:09:28.
    """
    if not len(names) == len(sizes) == len(lengths):
        raise ValueError(f"{len(names)} names need as many sizes and lengths; got {len(sizes)} and {len(lengths)}")
    if any(size < 1 for size in sizes):
        raise ValueError(f"a vocabulary has at least one token; got {list(sizes)}")
    order: list[int] = np.argsort(sizes, kind="stable").tolist()
    points = go.Scatter(
        x=[sizes[i] for i in order],
        y=[lengths[i] for i in order],
        mode="markers+text",
        marker={
            "size": [13 if i in shown else 7 for i in order],
            "color": [style.ACCENT if i in shown else style.MUTED for i in order],
        },
        text=[escaped(names[i]) if i in shown else "" for i in order],
        textposition="top center",
        cliponaxis=False,
        customdata=[names[i] for i in order],
        hovertemplate="%{customdata}<br>%{x:,} tokens in the vocabulary<br>%{y:,} tokens in this text<extra></extra>",
    )
    drawn = style.figure(points, height=300, margin={"l": 8, "r": 40, "t": 28, "b": 8})
    low, high = np.log10(min(sizes, default=1)), np.log10(max(sizes, default=10))
    drawn.update_xaxes(title="vocabulary size", type="log", range=[low - 0.25, high + 0.25], dtick=1, showgrid=True)
    drawn.update_yaxes(title="tokens in this text", range=[0, 1.2 * max(1, *lengths)] if lengths else None)
    return drawn


def split_bar(length: int, cut: int, starts: Sequence[int]) -> go.Figure:
    """Draw a text as one bar, split into training and validation text, with a mark where each chunk of a batch starts.

    length, cut and starts in tokens, 0 ≤ start < cut ≤ length. Raises ValueError otherwise. Source: lecture 00:09:28.
    """
    if not 0 < cut <= length or any(not 0 <= start < cut for start in starts):
        raise ValueError(f"a text of {length} tokens cannot be cut at {cut}, with chunks from {list(starts)}")
    parts = [("training", cut, style.ACCENT), ("validation", length - cut, style.SECOND)]
    look = {"orientation": "h", "width": 0.5}
    bars = [
        go.Bar(
            x=[size], y=[0], marker={"color": color}, hovertemplate=f"{name}: {size:,} tokens<extra></extra>", **look
        )
        for name, size, color in parts
    ]
    chunks = go.Scatter(
        x=list(starts),
        y=[0.42] * len(starts),
        mode="markers",
        marker={"symbol": "triangle-down", "size": 11, "color": style.MUTED},
        customdata=list(range(1, len(starts) + 1)),
        hovertemplate="chunk %{customdata} starts at token %{x:,}<extra></extra>",
    )
    drawn = style.figure(*bars, chunks, height=96, barmode="stack", margin={"l": 20, "r": 44, "t": 4, "b": 8})
    drawn.add_annotation(text=f"training · {cut:,}", x=cut / 2, y=0, showarrow=False, font={"color": "white"})
    drawn.update_xaxes(range=[0, length], tickvals=[0, cut], tickformat=",", tickangle=0, showgrid=False)
    drawn.update_yaxes(visible=False, range=[-0.3, 0.62])
    return drawn
