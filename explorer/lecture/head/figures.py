"""The stages of one head, side by side."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import style

HEIGHT = 104  # pixels


def stage_strip(stages: Mapping[str, np.ndarray], at: int) -> go.Figure:
    """Draw a small map of each stage, blue above zero, orange below: those up to the stage `at`, which has a frame.

    stages: title → its numbers, (T, columns) each; NaN and −∞ are empty. at: 1 to the number of stages. Raises
    ValueError for another stage. Source: lecture 01:02:00.
    """
    if not 1 <= at <= len(stages):
        raise ValueError(f"there is no stage {at}; give 1 to {len(stages)}")
    drawn = make_subplots(cols=len(stages), horizontal_spacing=0.02, subplot_titles=list(stages))
    drawn.update_layout(template=style.TEMPLATE, height=HEIGHT, margin={"l": 2, "r": 2, "t": 26, "b": 2, "pad": 0})
    for column, (title, values) in enumerate(stages.items(), 1):
        numbers = np.where(np.isfinite(values) & (column <= at), values, np.nan)
        top = max(float(np.nanmax(np.abs(numbers), initial=0.0)), 1e-9)
        hover = f"{title}<br>row %{{y}}, column %{{x}}: %{{z:.5f}}<extra></extra>"
        drawn.add_trace(style.cells(numbers, top, hoverongaps=False, hovertemplate=hover), 1, column)
        ends = {"showticklabels": False, "showgrid": False, "showline": True, "mirror": True, "linecolor": style.MUTED}
        if column == at:
            ends |= {"linecolor": style.SECOND, "linewidth": 3}
        rows, columns = values.shape
        drawn.update_xaxes(range=[-0.5, columns - 0.5], row=1, col=column, **ends)
        drawn.update_yaxes(range=[rows - 0.5, -0.5], row=1, col=column, **ends)
    drawn.update_annotations(font={"size": 12})
    return drawn
