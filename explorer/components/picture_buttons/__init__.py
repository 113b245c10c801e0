"""Two buttons that save a picture as PNG, at twice its size, or as SVG: a Plotly figure of the page, or a drawing.

One Streamlit component (components v2). The browser makes the picture, on the page's background colour.
"""

from explorer.components import declare

_mount = declare("picture_buttons", "buttons.html", ["../button.css", "buttons.css"], ["buttons.js"])


def picture_buttons(target: str, name: str, *, title: str = "", svg: str = "") -> None:
    """Draw the buttons. target: the key of the Plotly figure; name: the file's name without its ending.

    title: written above the figure. svg: a drawing to save instead of a figure; it has its own title.
    """
    _mount(key=f"picture:{target}", data={"target": target, "name": name, "title": title, "svg": svg})
