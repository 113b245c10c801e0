"""A B … A → B: what an induction head does, as a picture in the theme's colours (components v2)."""

from pathlib import Path

from streamlit.components.v2 import component

_HERE = Path(__file__).parent
_mount = component(
    "induction_picture",
    html=(_HERE / "picture.svg").read_text(encoding="utf-8"),
    css=(_HERE / "picture.css").read_text(encoding="utf-8"),
)


def induction_picture() -> None:
    """Draw the picture."""
    _mount(key="induction picture")
