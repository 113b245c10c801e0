"""A part of a page that reruns by itself. The one place that asks Streamlit for it."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

import streamlit as st

from explorer.shared.widgets import guarded

_inside: ContextVar[bool] = ContextVar("inside a fragment", default=False)


def fragment(draw: Callable[..., None], *arguments: Any, run_every: float | None = None) -> None:
    """Draw a part of the page that reruns alone when something in it is used, and every `run_every` seconds.

    A part that reruns makes Streamlit drop what the part has drawn and not sent yet, and keep the rest, whose places the browser
    then does not know ("Bad delta path index"). So it has a container of its own, which keeps its place among what follows; and
    within such a part another is drawn as a piece of that.
    """
    if _inside.get():
        return draw(*arguments)

    @wraps(draw)
    def inside() -> None:
        token = _inside.set(True)
        try:
            with guarded():  # the page's own does not hear of a part that reruns
                draw(*arguments)
        finally:
            _inside.reset(token)

    with st.container():
        st.fragment(inside, run_every=run_every)()
