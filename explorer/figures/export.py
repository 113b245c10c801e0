"""Export a figure: its numbers as CSV, the figure as one HTML file that needs no network."""

import csv
import html
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go

COLUMNS = ("trace", "x", "x label", "y", "y label", "value", "note")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins with one of these is a formula to a spreadsheet
LIGHT = {"paper_bgcolor": "#FFFFFF", "plot_bgcolor": "#FFFFFF", "font": {"color": "#1F2328"}}
DARK = {"paper_bgcolor": "#111417", "plot_bgcolor": "#111417", "font": {"color": "#E6E8EA"}}
GRID = {"light": "#E6E8EA", "dark": "#31353B"}


def file_name(*parts: str | int | None) -> str:
    """Join the parts into a file name without its ending: letters, digits and dashes, so it cannot leave its folder.

    >>> file_name("runs/my model", "layer", 2, None)
    'runs-my-model-layer-2'
    """
    joined = "-".join(str(part) for part in parts if part is not None)
    return re.sub(r"[^A-Za-z0-9]+", "-", joined).strip("-")[:80] or "figure"


def csv_cell(value: Any) -> str:
    """Return a value for CSV: numbers unchanged, other text so that no spreadsheet reads it as a formula.

    >>> csv_cell("=1+1"), csv_cell(-0.5), csv_cell("-0.5")
    ("'=1+1", '-0.5', '-0.5')
    """
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) and not _is_number(text) else text


def figure_csv(figure: go.Figure) -> bytes:
    """Return the numbers that a figure draws: one line per point or cell, with the labels of the axes. Empty columns
    are left out.

    NaN cells are left out. A heatmap has a `value` at x and y. Returns UTF-8 with a byte-order mark.
    """
    rows = [row for number, trace in enumerate(figure.data) if _is_drawn(trace) for row in _rows(figure, trace, number)]
    kept = [column for column in COLUMNS if any(row.get(column, "") != "" for row in rows)]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(kept or COLUMNS)
    writer.writerows([csv_cell(row.get(column, "")) for column in kept] for row in rows)
    return written.getvalue().encode("utf-8-sig")


def figure_page(figure: go.Figure, title: str, *, dark: bool = False) -> bytes:
    """Return the figure as one HTML file that needs no network, for a light or a dark page."""
    ground, drawn = DARK if dark else LIGHT, on_ground(figure, dark=dark)
    config = {"displaylogo": False, "responsive": True}
    body = drawn.to_html(include_plotlyjs=True, full_html=False, config=config)
    head = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
    colors = f"background: {ground['paper_bgcolor']}; color: {ground['font']['color']}"
    style = f"margin: 16px; {colors}; font-family: system-ui, sans-serif"
    said = f'<h1 style="font-size: 20px">{html.escape(title)}</h1>'
    return f'{head}\n<body style="{style}">{said}{body}</body></html>\n'.encode()


def on_ground(figure: go.Figure, *, dark: bool) -> go.Figure:
    """Return a copy of the figure with a light or a dark background and text that suits it."""
    drawn = go.Figure(figure).update_layout(**(DARK if dark else LIGHT))
    drawn.update_xaxes(gridcolor=GRID["dark" if dark else "light"])
    return drawn.update_yaxes(gridcolor=GRID["dark" if dark else "light"])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_drawn(trace: Any) -> bool:
    """Return False for invisible click targets and for numbers written on the cells of a heatmap."""
    if trace.type != "scatter":
        return True
    mode = trace.mode or "lines+markers"
    return mode != "text" and not (mode == "markers" and trace.marker.opacity == 0)


def _rows(figure: go.Figure, trace: Any, number: int) -> Iterator[dict[str, Any]]:
    name = _plain(trace.name) if trace.name else f"{trace.type} {number}"
    x_labels, y_labels = (_tick_labels(figure, getattr(trace, f"{axis}axis", None) or axis) for axis in "xy")
    for at, x, y, value in _points(trace):
        yield {
            "trace": name,
            "x": x,
            "x label": x_labels.get(x, ""),
            "y": y,
            "y label": y_labels.get(y, ""),
            "value": value,
            "note": " · ".join(_notes(trace, at)),
        }


def _points(trace: Any) -> Iterator[tuple[tuple[int, ...], Any, Any, Any]]:
    """(place in the trace's arrays, x, y, value) of all that is drawn."""
    if trace.type == "heatmap":
        z = np.asarray(trace.z)
        columns, rows = (_coordinates(trace, axis, size) for axis, size in zip("xy", z.shape[::-1], strict=True))
        for row, column in np.argwhere(~np.isnan(z.astype(float))).tolist():
            yield (row, column), columns[column], rows[row], z[row, column]
        return
    drawn = [trace.x, trace.y]
    size = max(0 if values is None else len(values) for values in drawn)
    x, y = (_coordinates(trace, axis, size) for axis in "xy")
    for i in range(size):
        if not any(isinstance(value, float | np.floating) and np.isnan(value) for value in (x[i], y[i])):
            yield (i,), x[i], y[i], ""


def _coordinates(trace: Any, axis: str, size: int) -> Any:
    """Return the points' coordinates along an axis; 0, 1, 2 … where the trace gives none."""
    given = getattr(trace, axis)
    if given is not None:
        return given
    first, step = getattr(trace, f"{axis}0"), getattr(trace, f"d{axis}")
    return [(first or 0) + i * (1 if step is None else step) for i in range(size)]


def _tick_labels(figure: go.Figure, axis: str) -> dict[Any, str]:
    layout: Any = figure.layout[f"{axis[0]}axis{axis[1:]}"]
    if layout.tickvals is None or layout.ticktext is None:
        return {}
    return {place: _plain(text) for place, text in zip(layout.tickvals, layout.ticktext, strict=False)}


def _notes(trace: Any, at: tuple[int, ...]) -> Iterator[str]:
    """Return the point's own hover text and label."""
    for said in (trace.text, trace.customdata):
        for index in at:
            said = said[index] if isinstance(said, list | tuple | np.ndarray) and index < len(said) else None
        parts = said if isinstance(said, list | tuple | np.ndarray) else [said]
        yield from (_plain(part) for part in parts if isinstance(part, str) and part)


def _plain(text: Any) -> str:
    """Remove the HTML tags that Plotly's labels use."""
    return html.unescape(re.sub(r"<br ?/?>", ", ", str(text)))
