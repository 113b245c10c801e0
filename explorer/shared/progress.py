"""A progress bar of one piece of work. A rerun cancels the work."""

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.opened import Opened

PATIENCE = 0.5  # seconds without a progress bar


def with_progress(doing: str, work: Callable[..., Any], *arguments: Any, patience: float = PATIENCE) -> Any:
    """Return `work(*arguments, progress)`. A bar appears if it takes longer than `patience` seconds."""
    place, started = st.empty(), time.monotonic()

    def progress(done: int, total: int) -> None:
        if time.monotonic() - started >= patience:
            place.progress(done / total, text=f"{doing} {done:,} of {total:,} …")

    result = work(*arguments, progress)
    place.empty()
    return result


def by_layer(opened: Opened, doing: str, work: Callable[..., Any], *arguments: Any) -> Any:
    """Return `work(*arguments)`, a forward pass of this model. A bar shows the layer, at once in a real model."""
    n_layer = opened.config.n_layer

    def run(progress: Callable[[int, int], None]) -> Any:
        def show_layer(_stream: Any, name: str) -> None:
            progress(int(name.split(".")[1]) + 1, n_layer)

        with opened.model.hooks({"blocks.*.hook_resid_post": show_layer}):
            return work(*arguments)

    return with_progress(f"{doing}, layer", run, patience=0 if opened.is_real else PATIENCE)
