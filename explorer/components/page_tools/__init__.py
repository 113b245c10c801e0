"""What every page has beside its title: a button that copies the link, and Enter that applies the prompt.

One Streamlit component (components v2). The address holds what a person sees, so the browser copies it from there.
"""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "page_tools", **{part: (_HERE / f"tools.{part}").read_text(encoding="utf-8") for part in ("html", "css", "js")}
)


def page_tools() -> None:
    """Draw the button, and let Enter apply the text areas that hold a choice."""
    _mount(key="page_tools", width="content")
