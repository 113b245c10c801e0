"""A Plotly figure that the browser draws once: at once in the window, below it when the browser is idle.

One Streamlit component (components v2). Streamlit's own chart draws every figure of a page two or three times before
the page answers: with a first width, with the right one, and with the page's colours.
"""

import json
from collections.abc import Callable
from functools import partial
from itertools import takewhile

import plotly.graph_objects as go
from streamlit.components.v2 import component

from explorer import state
from explorer.components import read

_mount = component("plot", css=read("plot", "plot.css"), js=read("plot", "load.js", "plot.js"), isolate_styles=False)


def plot(figure: go.Figure, *, key: str, alt: str, on_click: Callable[[list[int]], None] | None = None) -> None:
    """Draw a figure, which has a height. alt: what screen readers say.

    on_click: called before the page runs, with the whole numbers at the start of the clicked point's customdata.
    """
    drawn = f'{{"alt":{json.dumps(alt)},"figure":{figure.to_json()}}}'
    _mount(key=key, data=drawn.encode(), on_clicked_change=partial(_take_click, key, on_click))


def _take_click(key: str, on_click: Callable[[list[int]], None] | None) -> None:
    clicked = state.component_value(key, "clicked")
    places = list(takewhile(lambda value: isinstance(value, int), clicked if isinstance(clicked, list) else []))
    if on_click and places:
        on_click(places)
