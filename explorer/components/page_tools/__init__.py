"""What every page has beside its title: a button that copies the link, and a prompt that applies itself.

One Streamlit component (components v2). The address holds what a person sees, so the browser copies it from there.
"""

from explorer.components import declare

_mount = declare("page_tools", "tools.html", ["../button.css", "tools.css"], ["typing.js", "tools.js"])


def page_tools() -> None:
    """Draw the button, and let Enter and a pause in typing apply the text areas that hold a choice."""
    _mount(key="page_tools", width="content")
