"""The components that a page has drawn, without the tools that every page has beside its title."""

from typing import Any

from streamlit.testing.v1 import AppTest


def drawn(app: AppTest) -> list[Any]:
    return [found for found in app.get("bidi_component") if found.proto.component_name != "page_tools"]
