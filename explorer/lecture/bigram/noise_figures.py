"""The loss of single batches against the mean of many."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style

FALL = 1 / 8  # of the batches
ROOM = 0.02  # nats above and below


def noisy_and_averaged(steps: Sequence[float], losses: Sequence[float], window: int) -> go.Figure:
    """Draw each batch's loss, faint, and over it the mean of the last `window` of them.

    The axis is that of the batches after the first `FALL`, since there the noise is what is left to see.
    steps, losses: one a batch; window: 1 to their number. Raises ValueError otherwise. Source: lecture 00:38:00.
    """
    if len(steps) != len(losses) or not 1 <= window <= len(losses):
        raise ValueError(f"{len(losses)} losses at {len(steps)} steps have no means over {window}")
    batches = go.Scatter(
        x=steps, y=losses, mode="lines", line={"color": style.MUTED, "width": 1}, opacity=0.6, name="one batch"
    )
    means = go.Scatter(
        x=steps[window - 1 :],
        y=np.convolve(losses, np.full(window, 1 / window), mode="valid"),
        mode="lines",
        line={"color": style.ACCENT, "width": 2},
        name=f"mean of the last {window}" if window > 1 else "one batch alone",
    )
    drawn = style.figure(batches, means, height=320, hovermode="x unified", showlegend=True)
    drawn.update_traces(hovertemplate="%{y:.4f}")
    drawn.update_layout(legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}, margin={"t": 32})
    drawn.update_xaxes(title="step", showgrid=False)
    late = losses[int(FALL * len(losses)) :]
    drawn.update_yaxes(title="loss, nats a token", range=[min(late) - ROOM, max(late) + ROOM])
    return drawn
