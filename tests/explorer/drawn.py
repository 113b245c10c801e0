"""The components that a page has drawn, and the message that a component gets."""

import json
import struct
from typing import Any, NamedTuple

import numpy as np
from streamlit.testing.v1 import AppTest

NO_DATA = ("page_tools", "attention_view", "section_link")


class Plot(NamedTuple):
    """A Plotly figure that a page has drawn."""

    spec: str  # JSON
    alt: str


def plots(app: AppTest) -> list[Plot]:
    """The Plotly figures, in the order of the page."""
    drawn = (found.proto for found in app.get("bidi_component") if found.proto.component_name == "plot")
    messages = [json.loads(proto.bytes) for proto in drawn]
    return [Plot(json.dumps(message["figure"]), message["alt"]) for message in messages]


def drawn(app: AppTest) -> list[Any]:
    """The components besides figures and those that get no data: the tools of every page, the frame of an attention
    view, and the scroll to a section.
    """
    return [found for found in app.get("bidi_component") if found.proto.component_name not in (*NO_DATA, "plot")]


def unpack(message: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """The header of a film's message, and its codes in one row."""
    (length,) = struct.unpack_from("<I", message)
    return json.loads(message[4 : 4 + length]), np.frombuffer(message, np.uint8, offset=4 + length)
