"""Two buttons that save a picture as PNG, at twice its size, or as SVG: a Plotly figure of the page, or a drawing.

One Streamlit component (components v2). The browser makes the picture, on the page's background colour.
"""

from pathlib import Path

from streamlit.components.v2 import component

_HERE = Path(__file__).parent
_mount = component(
    "picture_buttons",
    html=(_HERE / "buttons.html").read_text(encoding="utf-8"),
    css=(_HERE / "buttons.css").read_text(encoding="utf-8"),
    js=(_HERE / "buttons.js").read_text(encoding="utf-8"),
)


def picture_buttons(target: str, name: str, *, title: str = "", svg: str = "") -> None:
    """Draw the buttons. target: the key of the Plotly figure; name: the file's name without its ending.

    title: written above the figure. svg: a drawing to save instead of a figure; it has its own title.
    """
    _mount(key=f"picture:{target}", data={"target": target, "name": name, "title": title, "svg": svg})
