"""Measure effect maps: say what it costs first, then show the progress, until it is done or cancelled."""

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import streamlit as st

LONG = 20  # seconds; a longer measurement gets a warning


class Cost(NamedTuple):
    """What a measurement takes. A pass begins at the changed layer, so it costs a part of a whole one."""

    passes: int
    seconds: float  # in all, measured on one pass through the whole model

    @classmethod
    def of(cls, layers: range, n_layer: int, passes_a_layer: int, seconds_a_pass: float, whole: int = 1) -> "Cost":
        """The cost of so many passes for each of these layers, and of `whole` passes through the whole model."""
        shares = sum((n_layer - layer) / n_layer for layer in layers)
        return cls(len(layers) * passes_a_layer + whole, (shares * passes_a_layer + whole) * seconds_a_pass)


def show_cost(cost: Cost) -> None:
    """Show how long a measurement takes; warn where it is long."""
    sentence = f"{cost.passes:,} forward passes, each from the changed layer on. Here they take about "
    if cost.seconds > LONG:
        st.warning(f"{sentence}{_in_words(cost.seconds)}. You can cancel at any time.", icon=":material/hourglass_top:")
    else:
        st.caption(f"{sentence}{_in_words(cost.seconds)}.")


def measure(measurements: Iterable[tuple[Iterator, tuple[int, int]]], doing: str, layers: range) -> list[np.ndarray]:
    """Measure effect maps of these layers behind a progress bar; a rerun cancels. measurements: (effects, shape)."""
    maps, place = [], st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=f"{doing} …")
        st.button("Cancel", key=f"cancel:{doing}", icon=":material/close:")
    for cells, shape in measurements:
        values, started = np.full(shape, np.nan), time.monotonic()
        for row, column, value in cells:
            values[row, column] = value
            share = (row - layers.start + (column + 1) / shape[1]) / len(layers)
            left = (time.monotonic() - started) * (1 - share) / share
            bar.progress(min(1.0, share), text=f"{doing} {row} of {layers.stop - 1} · at most {_in_words(left)} left")
        maps.append(values)
    place.empty()
    return maps


def _in_words(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{max(1, seconds):.0f} s"
