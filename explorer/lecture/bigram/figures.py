"""The bigram's table, and the loss of single batches beside the mean of many."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.curves import Numbers
from explorer.figures.tokens import escaped, visible

HEIGHT = 560  # pixels
FALL = 1 / 8  # of the batches
ROOM = 0.02  # nats above and below


def next_token_table(probabilities: np.ndarray, tokens: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Draw P(next token | present token), present down, next across; the background is 0.

    probabilities: (V, V), each row sums to 1; tokens: all V, distinct; dark: for a dark page. Raises ValueError on
    other shapes. Source: lecture 00:22:11.
    """
    V = len(tokens)
    if np.shape(probabilities) != (V, V) or not V:
        raise ValueError(
            f"a table of shape {np.shape(probabilities)} does not belong to {V} tokens; it must be ({V}, {V})"
        )
    names = [escaped(visible(token)) for token in tokens]
    look = {"colorscale": style.SEQUENTIAL_ON_DARK if dark else style.SEQUENTIAL, "showscale": False}
    hover = "after %{y} comes %{x}<br>%{z:.2%}<extra></extra>"
    z = np.asarray(probabilities, dtype=np.float32)
    cells = go.Heatmap(x=names, y=names, z=z, zmin=0, zmax=1, hovertemplate=hover, **look)
    drawn = style.figure(cells, height=HEIGHT)
    axis = {"type": "category", "tickfont": {"family": style.MONOSPACE, "size": 10}, "showgrid": False}
    drawn.update_xaxes(title="next", tickangle=0, **axis)
    drawn.update_yaxes(title="present", autorange="reversed", **axis)
    return drawn


def noisy_and_averaged(steps: Numbers, losses: Numbers, window: int) -> go.Figure:
    """Draw each batch's loss, faint, and over it the mean of the last `window` of them.

    The axis is that of the batches after the first `FALL`, since there the noise is what is left to see.
    steps, losses: one a batch; window: 1 to their number. Raises ValueError otherwise. Source: lecture 00:38:00.
    """
    if len(steps) != len(losses) or not 1 <= window <= len(losses):
        raise ValueError(f"{len(losses)} losses at {len(steps)} steps have no means over {window}")
    batches = style.line(steps, losses, style.MUTED, 1, opacity=0.6, name="one batch")
    averages = np.convolve(losses, np.full(window, 1 / window), mode="valid")
    name = f"mean of the last {window}" if window > 1 else "one batch"
    means = style.line(steps[window - 1 :], averages, style.ACCENT, name=name)
    drawn = style.figure(batches, means, height=320, hovermode="x unified", showlegend=True)
    drawn.update_traces(hovertemplate="%{y:.4f}")
    drawn.update_layout(legend=style.LEGEND, margin={"t": 32})
    drawn.update_xaxes(title="step", showgrid=False)
    late = losses[int(FALL * len(losses)) :]
    drawn.update_yaxes(title="loss, nats a token", range=[min(late) - ROOM, max(late) + ROOM])
    return drawn
