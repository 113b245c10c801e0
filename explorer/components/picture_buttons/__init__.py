"""Two buttons that save a picture as PNG, at twice its size, or as SVG: a Plotly figure of the page, or a drawing.

One Streamlit component (components v2). The browser makes the picture, on the page's own ground.
"""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "picture_buttons",
    **{part: (_HERE / f"buttons.{part}").read_text(encoding="utf-8") for part in ("html", "css", "js")},
)


def picture_buttons(target: str, name: str, *, title: str = "", svg: str = "") -> None:
    """Draw the buttons. target: the key of the Plotly figure that is pictured; name: the file's, without its ending.

    title: written above the figure. svg: a drawing to save in place of a figure, which has its titles already.
    """
    _mount(key=f"picture:{target}", data={"target": target, "name": name, "title": title, "svg": svg})
