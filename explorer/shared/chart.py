"""Draw a figure on a page, with its downloads. All Plotly figures go through here."""

from collections.abc import Callable
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from explorer.components.picture_buttons import picture_buttons
from explorer.components.plot import plot
from explorer.figures.export import figure_csv, figure_page, file_name
from explorer.shared.fragment import fragment


def chart(
    figure: go.Figure, *, key: str, alt: str, place: Any = st, on_click: Callable[[list[int]], None] | None = None
) -> None:
    """Draw a figure.

    key: stable over reruns. alt: one line that describes the figure for screen readers. place: a container.
    on_click: see `plot`.
    """
    with place.container(gap=None):
        plot(figure, key=key, alt=alt, on_click=on_click)
        fragment(_downloads, figure, key, alt)


def _downloads(figure: go.Figure, key: str, alt: str) -> None:
    """Draw the download menu. It is filled when it is opened, and makes a file when it is clicked."""
    opened = menu(f"Download: {alt}", key)
    if not opened.open:
        return
    name, page = file_name(alt), partial(figure_page, figure, alt, dark=st.context.theme.type == "dark")
    with opened:
        picture_buttons(key, name, title=alt)
        download("HTML", page, f"{name}.html", "text/html", key=f"html:{key}")
        download("CSV", partial(figure_csv, figure), f"{name}.csv", "text/csv", key=f"csv:{key}")


def menu(help: str, key: str) -> Any:
    """Draw a closed menu at the right edge, inside a fragment. Fill it if `.open`."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        icon = ":material/download:"
        return st.popover("", icon=icon, type="tertiary", help=help, key=f"download:{key}", on_change="rerun")


def download(label: str, data: Any, name: str, mime: str, *, key: str, help: str | None = None) -> None:
    """Draw a button that makes a file when it is clicked, without a rerun. data: a function that returns its bytes."""
    st.download_button(label, data, name, mime, key=f"file:{key}", help=help, on_click="ignore", width="stretch")
