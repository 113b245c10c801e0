"""What every page has beside its title: a button that copies the link, and Enter that applies the prompt.

One Streamlit component (components v2). The address holds what a person sees, so the browser copies it from there.
"""

from pathlib import Path

from streamlit.components.v2 import component

_HERE = Path(__file__).parent
_mount = component(
    "page_tools",
    html=(_HERE / "tools.html").read_text(encoding="utf-8"),
    css=(_HERE / "tools.css").read_text(encoding="utf-8"),
    js=(_HERE / "tools.js").read_text(encoding="utf-8"),
)


def page_tools() -> None:
    """Draw the button, and let Enter apply the text areas that hold a choice."""
    _mount(key="page_tools", width="content")
