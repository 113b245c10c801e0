"""A figure on a page, and its download. The one place that hands Plotly figures to Streamlit."""

from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from explorer.components.picture_buttons import picture_buttons
from explorer.figures.export import figure_csv, figure_page, file_name
from explorer.shared.fragment import fragment


def chart(figure: go.Figure, *, key: str, alt: str, place: Any = st, **more: Any) -> Any:
    """Draw a figure; returns what `st.plotly_chart` returns, a selection where `on_select="rerun"` was asked for.

    key: stable over reruns. alt: the figure in one line, for those who do not see it. place: a container to draw into.
    """
    with place.container(gap=None):
        drawn = st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False}, **more)
        fragment(_downloads, figure, key, alt)
    return drawn


def _downloads(figure: go.Figure, key: str, alt: str) -> None:
    """A menu that is filled once it is opened, without a rerun of the page, and makes each file once it is asked for."""
    opened = menu(f"Download: {alt}", key)
    if not opened.open:
        return
    name, page = file_name(alt), partial(figure_page, figure, alt, dark=st.context.theme.type == "dark")
    with opened:
        picture_buttons(key, name, title=alt)
        download("HTML", page, f"{name}.html", "text/html", key=f"html:{key}")
        download("CSV", partial(figure_csv, figure), f"{name}.csv", "text/csv", key=f"csv:{key}")


def menu(told: str, key: str) -> Any:
    """A closed menu at the right edge; `.open` says whether it is open, and so has to be filled. Stands in a fragment."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        icon = ":material/download:"
        return st.popover("", icon=icon, type="tertiary", help=told, key=f"download:{key}", on_change="rerun")


def download(label: str, data: Any, name: str, mime: str, *, key: str, help: str | None = None) -> None:
    """A button that makes a file once it is clicked, and reruns nothing. data: a function that returns its bytes."""
    st.download_button(label, data, name, mime, key=f"file:{key}", help=help, on_click="ignore", width="stretch")
