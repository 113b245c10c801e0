"""Work that is done once and shows a progress bar. A rerun cancels it.

Streamlit may draw nothing inside a cached function. So the cached function gives an empty list, and the result is kept
in it.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from explorer.opened import Opened

PATIENCE = 0.5  # seconds without a progress bar
Result = TypeVar("Result")


def once(
    kept: list[Result], doing: str, work: Callable[..., Result], *arguments: Any, patience: float = PATIENCE
) -> Result:
    """Return the result in `kept`; where there is none, keep `work(*arguments, progress)`.

    A bar appears if it takes longer than `patience` seconds. Its place is there in every run, so nothing below moves.
    """
    place, started = st.empty(), time.monotonic()

    def progress(done: int, total: int) -> None:
        if time.monotonic() - started >= patience:
            place.progress(done / total, text=f"{doing} {done:,} of {total:,} …")

    if not kept:
        kept.append(work(*arguments, progress))
        place.empty()
    return kept[0]


def once_by_layer(
    kept: list[Result], opened: Opened, doing: str, work: Callable[..., Result], *arguments: Any
) -> Result:
    """As `once`, for `work(*arguments)`: a forward pass. The bar shows the layer, at once in a real model."""
    n_layer = opened.config.n_layer

    def run(progress: Callable[[int, int], None]) -> Result:
        def show_layer(_stream: Any, name: str) -> None:
            progress(int(name.split(".")[1]) + 1, n_layer)

        with opened.model.hooks({"blocks.*.hook_resid_post": show_layer}):
            return work(*arguments)

    return once(kept, f"{doing}, layer", run, patience=0 if opened.is_real else PATIENCE)
