"""Residual connections by hand: one vector through 1 … n blocks, with x + f(x) and with f(x)."""

import streamlit as st
import torch

from explorer.choice import Choice
from explorer.figures.outcomes import outcomes
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.shared.chart import chart
from explorer.shared.choices import SEED
from gpt.by_hand import Depths, feed_forward, random_feed_forward, through_blocks
from gpt.model.block import Block

C, WIDTH = 32, 128  # of the vector; hidden features of a block's feedforward layer
MOST = 16
DEPTH = Choice("vector-blocks", int, 1, MOST, default=8, label="Blocks")
WITH, WITHOUT = "x + f(x)", "f(x)"


def measure(depth: int, seed: int) -> dict[str, Depths]:
    """The same vector through the same blocks, with residual connections and without: label → by depth."""
    x = torch.randn(C, generator=torch.Generator().manual_seed(seed))
    layers = [random_feed_forward(C, WIDTH, seed=seed + block) for block in range(depth)]
    blocks = [lambda x, pair=pair: feed_forward(x, *pair).out for pair in layers]
    return {label: through_blocks(x, blocks, residual=label == WITH) for label in (WITH, WITHOUT)}


@chapter(
    "One vector through many blocks",
    "1:26:48",
    "Add blocks. What is left of the vector at the output, and how much gradient comes back to the input?",
)
def by_depth() -> None:
    """Size, likeness to the input, and gradient at each depth, with residual connections and without."""
    depth, seed = DEPTH.read(), SEED.read(default=1337)
    left, right = st.columns([5, 1], gap="medium", vertical_alignment="bottom")
    left.slider(**DEPTH.bound(depth))
    right.number_input(**SEED.bound(seed, help="Seed of the vector and of the blocks' untrained weights."))
    measured = measure(depth, seed)
    titles = {
        "size, as a share of the input's": "sizes",
        "likeness to the input (cosine)": "cosines",
        "gradient, as a share of the output's": "gradients",
    }
    steps = list(range(depth + 1))
    curves = {
        title: {label: (steps, getattr(each, name).tolist()) for label, each in measured.items()}
        for title, name in titles.items()
    }
    figure = outcomes(curves, steps=depth)
    figure.update_xaxes(
        title="after block; 0 is the input", row=len(titles), col=1, dtick=max(1, depth // 8), range=[-0.1, depth + 0.1]
    )
    figure.update_traces(hovertemplate="%{y:.3g} after block %{x}")
    for row in (1, 3):
        figure.update_yaxes(type="log", exponentformat="power", row=row, col=1)
    chart(figure, key="depth:curves", alt="A vector's size, likeness to the input, and gradient at each depth")
    sentences = [
        f"{label}: {each.sizes[-1]:.2g} × the input's size, cosine {each.cosines[-1]:.2f}".replace("-0.", "−0.")
        + f"; {each.gradients[0]:.2g} × the output's gradient reaches the input"
        for label, each in measured.items()
    ]
    st.caption(
        f"After block {depth}. {'. '.join(sentences)}. Each f is an untrained feedforward layer of {C} features. An "
        "addition passes both the vector and the gradient on unchanged; f adds to them."
    )
    show_cell("block/depth", Block.join, through_blocks)
