"""The table of the logit lens, from what the lens read. No Streamlit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from explorer.explore.logits.figures import LONGEST, lens_table
from explorer.figures.tokens import visible

if TYPE_CHECKING:
    from gpt.lens.logits import LogitLens
    from gpt.text.tokenizer import Tokenizer

COLORS = {"probability": "probability", "entropy": "entropy", "KL": "KL to the answer", "rank": "rank of the true next"}
FEW, SHORT = 8, 5  # columns; in a table of more, characters of a token


def table_figure(
    lens: "LogitLens",
    tokenizer: "Tokenizer",
    labels: Sequence[str],
    *,
    color: str,
    cell: tuple[int, int],
    rows: slice,
    dark: bool,
) -> go.Figure:
    """Draw the likeliest next token at every point of the stream, for these rows.

    lens: with arrays in place of tensors. labels: of the T positions. color: of `COLORS`. cell: the framed (point,
    position). dark: draw for a dark page.
    """
    P = len(lens.points)
    rank = np.column_stack([np.where(lens.rank, lens.rank, np.nan), np.full(P, np.nan)])  # no token follows the last
    best = lens.top_probabilities[..., 0]
    tokens = [tokenizer.tokens(row) for row in lens.top_ids[..., 0].tolist()]

    def note(p: int, t: int) -> str:
        lines = [
            f"{labels[t]}, {lens.points[p]}",
            f"{visible(tokens[p][t])}  p = {best[p, t]:.4f}",
            f"entropy {lens.entropy[p, t]:.3f} nats",
            f"KL {lens.divergence[p, t]:.3f} nats",
            *([] if np.isnan(rank[p, t]) else [f"rank of the true next {rank[p, t]:.0f}"]),
        ]
        return "\n".join(lines)

    values, top = {
        "probability": (best, 1.0),
        "entropy": (lens.entropy, np.log(tokenizer.vocab_size)),
        "KL": (lens.divergence, np.nanmax(lens.divergence)),
        "rank": (np.log(rank), np.log(tokenizer.vocab_size)),
    }[color]
    return lens_table(
        lens.points,
        labels[rows],
        [row[rows] for row in tokens],
        values[:, rows],
        [[note(p, t) for t in range(rows.start, rows.stop)] for p in range(P)],
        top=float(top) or 1.0,
        chosen=cell,
        first=rows.start,
        longest=SHORT if P > FEW else LONGEST,
        dark=dark,
    )
