"""Multi-headed attention: how different the heads of one layer are."""

from collections.abc import Callable

import numpy as np
import streamlit as st
import torch

from explorer.figures.matrix import number_grid
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.choices import LAYER
from explorer.shared.patterns import attention
from gpt.lens.heads import pattern_distances
from gpt.model.attention import Attention


@chapter(
    "Multi-headed attention: several heads in parallel",
    "1:21:59",
    "Pick a layer. How much attention would one of its heads have to move, to read like another?",
)
def heads() -> None:
    """How differently the heads of one layer read a prompt."""
    left, right = st.columns([8, 4], gap="medium")
    opened, prompt = widgets.model_and_prompt(left, right)
    config = opened.config
    if not config.n_layer or config.n_head == 1:
        widgets.empty_state("This model has one head per layer, or none.", "Pick another, for example a shipped one.")
        return
    reading = widgets.reading(opened, prompt)
    if reading is None:
        return
    layer = LAYER.read(high=config.n_layer - 1, default=0)
    st.selectbox(options=range(config.n_layer), **LAYER.bound(layer, width=160))
    distances = pattern_distances(torch.from_numpy(attention(opened, reading.ids)[layer])).numpy()
    figure = number_grid(distances, rows="head", columns="head")
    chart(figure, key="multihead:heads", alt=f"How differently the heads of layer {layer} read")
    most, least = (_pair(distances, choose) for choose in (np.argmax, np.argmin))
    st.caption(
        f"0: two heads read alike; 1: they read no token in common. In layer {layer}, heads {most} differ most, and "
        f"{least} least. Each number is the total variation distance between two rows of weights, averaged over the "
        "tokens of the prompt."
    )
    show_cell("multihead/heads", Attention.forward, pattern_distances)


def _pair(distances: np.ndarray, choose: Callable[[np.ndarray], np.intp]) -> str:
    """The chosen pair of heads, and their distance."""
    one, other = np.triu_indices(len(distances), 1)
    at = choose(distances[one, other])
    return f"{one[at]} and {other[at]} ({distances[one[at], other[at]]:.2f})"
