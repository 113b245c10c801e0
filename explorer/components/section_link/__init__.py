"""Links to a section of a page: the page scrolls to the heading whose anchor the address has."""

from streamlit.components.v2 import component

from explorer.components import read

_mount = component("section_link", js=read("section_link", "section_link.js"))


def section_link(section: str, visit: int) -> None:
    """Scroll to a section, once for each visit. section: its anchor; "" means that of the address, if it has one."""
    _mount(key="section_link", data={"section": section, "visit": visit}, width=1, height=1)
