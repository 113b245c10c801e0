"""A part of a page that reruns by itself. All `st.fragment` calls are here."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

import streamlit as st

from explorer.shared.widgets import guarded

_inside: ContextVar[bool] = ContextVar("inside a fragment", default=False)


def fragment(draw: Callable[..., None], *arguments: Any, run_every: float | None = None) -> None:
    """Draw a part of the page that reruns by itself when its widgets are used, and every `run_every` seconds.

    The part has its own container, which keeps its place on the page. Without one, a rerun can make Streamlit drop
    elements that it has not sent yet, and the browser fails ("Bad delta path index"). A part inside another is drawn
    as a piece of the outer one.
    """
    if _inside.get():
        return draw(*arguments)

    @wraps(draw)
    def inside() -> None:
        token = _inside.set(True)
        try:
            with guarded():  # the page's own `guarded` is not active in a rerun of this part
                draw(*arguments)
        finally:
            _inside.reset(token)

    with st.container():
        st.fragment(inside, run_every=run_every)()
