"""The distribution over the next token, as bars."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.kept import kept
from explorer.figures.tokens import escaped, visible

ROW = 25  # pixels
ROWS = 14  # twelve tokens, a sampled token that is not among them, and the sum of the others


@kept
def next_token_bars(tokens: Sequence[str], probabilities: np.ndarray, *, chosen: str | None = None) -> go.Figure:
    """Draw the given next tokens, largest probability first, and below them the sum of all others.

    tokens: n strings, the likeliest of the vocabulary; probabilities: (n,), each in [0, 1], with a sum of at most 1;
    `chosen`: the token that was sampled, in another colour. Raises ValueError on other shapes and sums.
    Source: lecture 00:22:11.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.shape != (len(tokens),):
        raise ValueError(f"{len(tokens)} tokens need as many probabilities, not an array of {probabilities.shape}")
    if not np.all(probabilities >= 0) or probabilities.sum() > 1 + 1e-4:
        raise ValueError(
            f"probabilities must be at least 0 and sum to at most 1; these sum to {probabilities.sum():.4f}"
        )
    order: list[int] = np.argsort(-probabilities, kind="stable").tolist()
    names = [visible(tokens[i]) for i in order] + ["all others"]
    values = [*probabilities[order], max(0.0, 1.0 - probabilities.sum())]
    colors = [style.SECOND if tokens[i] == chosen else style.ACCENT for i in order] + [style.MUTED]
    rows = list(range(len(names)))
    shares, hover = [f"{value:.1%}" for value in values], "%{customdata}  %{x:.4f}<extra></extra>"
    bars = style.bars(values, rows, colors, shares, customdata=names, hovertemplate=hover)
    drawn = style.figure(bars, height=ROW * ROWS + 16, bargap=0.25)
    drawn.update_xaxes(range=[0, 1.3 * max(values)], visible=False)
    labels, font = [escaped(name) for name in names], {"family": style.MONOSPACE}
    span = [max(ROWS, len(rows)) - 0.4, -0.6]
    drawn.update_yaxes(tickvals=rows, ticktext=labels, tickfont=font, range=span, showgrid=False, zeroline=False)
    return drawn
