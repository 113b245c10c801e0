"""The counts of a text's pairs."""

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.figures import style
from explorer.figures.tokens import escaped


def pair_counts(pairs: Sequence[str], counts: Sequence[int], merged: int) -> go.Figure:
    """Draw the counts of pairs of neighbours, the most frequent first. merged: the row of the pair that is merged."""
    rows = list(range(len(pairs)))
    colors = [style.ACCENT if row == merged else style.MUTED for row in rows]
    drawn = style.figure(
        style.bars(counts, rows, colors, list(map(str, counts)), hoverinfo="skip"), height=26 * len(pairs) + 60
    )
    drawn.update_xaxes(title="occurrences", range=[0, 1.15 * max(counts, default=1)], showgrid=False, tickformat="d")
    names = [escaped(pair) for pair in pairs]
    drawn.update_yaxes(tickvals=rows, ticktext=names, tickfont={"family": style.MONOSPACE}, autorange="reversed")
    return drawn
