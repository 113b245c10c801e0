"""Small matrices with their numbers written in."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures import style

CELL, AXES = 34, 58  # pixels
MOST_NUMBERS = 16  # columns; with more, cells have no room for numbers
LOW = 12  # pixels of a row without numbers
PALE = 3.5  # times the largest number: the end of the colour scale, so that every number is readable on its cell


def number_grid(
    values: np.ndarray,
    *,
    rows: str,
    columns: str,
    digits: int = 2,
    marked: Sequence[tuple[int, int]] = (),
    top: float | None = None,
    most_numbers: int = MOST_NUMBERS,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
) -> go.Figure:
    """Draw a matrix, row 0 at the top: blue above zero, orange below, each number in its cell, −∞ too; NaN is empty.

    A matrix with more than `most_numbers` columns has no numbers in its cells; hover shows them.

    values: (R, C); rows, columns: titles of the axes; marked: the (row, column) cells with a frame; top: the number
    with the strongest colour (default: the largest); row_names, column_names: labels in place of indices, escaped.
    Raises ValueError where values is not a matrix.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"values of shape {values.shape} are no matrix")
    there = np.where(np.isfinite(values), values, np.nan)
    top = top if top else max(float(np.nanmax(np.abs(there), initial=0.0)), 1e-9)
    R, C = values.shape
    has_numbers = most_numbers >= C
    end = PALE * top if has_numbers else top
    hover = f"{rows} %{{y}}, {columns} %{{x}}<br>%{{z:.5f}}<extra></extra>"
    cells = style.cells(there, end, xgap=1, ygap=1, hoverongaps=False, hovertemplate=hover)
    places = np.argwhere(~np.isnan(there) & has_numbers)
    texts = [f"{there[row, column]:z.{digits}f}".replace("-", "−") for row, column in places]
    masked = np.argwhere(np.isneginf(values) & has_numbers)
    places, texts = np.concatenate((places, masked)), [*texts, *len(masked) * ["−∞"]]
    numbers = go.Scatter(  # text of a scatter has the page's text colour; text of a heatmap has not
        x=places[:, 1], y=places[:, 0], mode="text", text=texts, hoverinfo="skip"
    )
    drawn = style.figure(cells, numbers, height=(CELL if has_numbers else LOW) * R + AXES)
    drawn.update_xaxes(title=columns, range=[-0.5, C - 0.5], **_ticks(column_names or range(C), has_numbers))
    drawn.update_yaxes(title=rows, range=[R - 0.5, -0.5], **_ticks(row_names or range(R), R <= MOST_NUMBERS))
    for row, column in marked:
        style.draw_frame(drawn, (column - 0.5, row - 0.5), (column + 0.5, row + 0.5))
    return drawn


def similarity_map(cosines: np.ndarray, *, axis: str) -> go.Figure:
    """Draw the cosine of each pair of N vectors: blue alike, orange opposite. cosines: (N, N). axis: what the N vectors
    are.

    Raises ValueError on another shape.
    """
    if np.ndim(cosines) != 2 or len(cosines) != len(cosines[0]):
        raise ValueError(f"cosines of shape {np.shape(cosines)} are no square")
    hover = f"{axis} %{{y}} and {axis} %{{x}}: %{{z:.3f}}<extra></extra>"
    drawn = style.figure(style.cells(cosines, 1, hovertemplate=hover), height=460)
    drawn.update_xaxes(title=axis, showgrid=False, constrain="domain")
    drawn.update_yaxes(title=axis, autorange="reversed", showgrid=False, scaleanchor="x", constrain="domain")
    return drawn


def _ticks(names: Sequence[object], has_room: bool) -> dict[str, Any]:
    """Label every row or column, or every eighth where there is no room."""
    step = 1 if has_room else 8
    shown = [str(name) for name in names[::step]]
    return {"tickvals": list(range(0, len(names), step)), "ticktext": shown, "tickangle": 0, "showgrid": False}
