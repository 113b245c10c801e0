"""A part of a page that reruns by itself. The one place that asks Streamlit for it."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

import streamlit as st

_inside: ContextVar[bool] = ContextVar("inside a fragment", default=False)


def fragment(draw: Callable[..., None], *arguments: Any, run_every: float | None = None) -> None:
    """Draw a part of the page that reruns alone when something in it is used, and every `run_every` seconds.

    Within such a part it is drawn as a piece of that: where a rerun interrupts another, Streamlit drops the outer fragment's
    messages and keeps an inner one's, whose place the browser then does not know ("Bad delta path index").
    """
    if _inside.get():
        return draw(*arguments)

    @wraps(draw)
    def inside() -> None:
        token = _inside.set(True)
        try:
            draw(*arguments)
        finally:
            _inside.reset(token)

    st.fragment(inside, run_every=run_every)()
