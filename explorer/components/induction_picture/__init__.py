"""A B … A → B: what an induction head does, as a picture in the theme's colours (components v2)."""

from explorer.components import declare

_mount = declare("induction_picture", "picture.svg", ["picture.css"])


def induction_picture() -> None:
    """Draw the picture."""
    _mount(key="induction picture")
