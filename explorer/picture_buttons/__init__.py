"""Two buttons that save a picture of what the browser shows: as PNG, and a Plotly figure as SVG too.

One Streamlit component (components v2). The picture is made in the browser from what stands there, on the page's own ground.
"""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "picture_buttons",
    **{part: (_HERE / f"buttons.{part}").read_text(encoding="utf-8") for part in ("html", "css", "js")},
)


def picture_buttons(target: str, name: str, *, canvas: str = "") -> None:
    """Draw the buttons. target: the key of the element that is pictured; name: the file's, without its ending.

    canvas: a CSS selector of the canvas to save, where the target is no Plotly figure; it is saved as PNG alone.
    """
    _mount(key=f"picture:{target}", data={"target": target, "name": name, "canvas": canvas})
