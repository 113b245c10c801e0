"""The feedforward layer on one token: linear, ReLU, linear, and no other token matters."""

import numpy as np
import streamlit as st
import torch

from explorer.choice import Choice
from explorer.figures.matrix import number_grid
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.shared import widgets
from explorer.shared.chart import chart
from gpt.by_hand import FedForward, feed_forward, random_feed_forward
from gpt.model.mlp import MLP

T, C, WIDTH = 8, 4, 16  # tokens; features of a token; hidden features, four times as many as in the lecture
FURTHEST = 3.0  # of the slider, on both sides
TOKEN = Choice("fed-token", options=range(T), default=3, label="Token")
FEATURE = Choice("fed-feature", options=range(C), default=0, label="Feature of x to change")
VALUE = Choice("fed-value", float, -FURTHEST, FURTHEST, label="Its value")
OTHERS = Choice("fed-others", bool, default=False, label="Replace all other tokens")


def tokens(replaced_but: int | None = None) -> torch.Tensor:
    """The input (T, C): random numbers. replaced_but: the only token that keeps them."""
    x, other = torch.randn(2, T, C, generator=torch.Generator().manual_seed(1337)).round(decimals=1)
    if replaced_but is None:
        return x
    other[replaced_but] = x[replaced_but]
    return other


@chapter(
    "ReLU on one token",
    "1:24:25",
    "Pick a token and change one of its features. Which hidden features become zero? Then replace all other tokens.",
)
def one_token() -> None:
    """One token through linear → ReLU → linear, beside the outputs of the other tokens."""
    places = st.columns([2, 3, 4, 4], gap="medium", vertical_alignment="bottom")
    token, feature, replaced = TOKEN.read(), FEATURE.read(), OTHERS.read()
    places[0].selectbox(options=range(T), **TOKEN.bound(token))
    places[1].selectbox(options=range(C), **FEATURE.bound(feature))
    x = tokens(token if replaced else None)
    value = VALUE.read(default=x[token, feature].item())
    places[2].slider(step=0.1, **VALUE.bound(value))
    places[3].toggle(**OTHERS.bound(replaced))
    x[token, feature] = value
    layers = random_feed_forward(C, WIDTH)
    fed = feed_forward(x, *layers)
    _draw(x, fed, token, feature)
    zeros = int((fed.post[token] == 0).sum())
    alone = feed_forward(x[token : token + 1], *layers).out[0]
    st.caption(
        f"Token {token}: {zeros} of {WIDTH} hidden features are negative, so ReLU makes them 0. The second layer reads "
        f"the other {WIDTH - zeros}. Computed without the other tokens, its output differs by at most "
        f"{(alone - fed.out[token]).abs().max():.0e}: the layer works on each token by itself."
    )
    show_cell("block/one token", MLP)


def _draw(x: torch.Tensor, fed: FedForward, token: int, feature: int) -> None:
    """All tokens before and after; between them, the hidden features of the chosen token."""
    left, middle, right = st.columns([3, 10, 3], gap="medium")
    row = [(token, i) for i in range(C)]
    with left:
        st.markdown("**x**, all tokens")
        figure = number_grid(x.numpy(), digits=1, marked=[(token, feature)], rows="token", columns="feature")
        chart(figure, key="fed:x", alt="x of every token")
    with middle, st.container(key="hidden-features"):  # see page.css
        st.markdown(f"**Token {token}**: {WIDTH} hidden features before ReLU and after it")
        hidden = np.stack([fed.pre[token].numpy(), fed.post[token].numpy()])
        zeros = [(1, int(i)) for i in np.flatnonzero(hidden[1] == 0)]
        names = ["before", "after"]
        figure = number_grid(hidden, marked=zeros, rows="", columns="hidden feature", row_names=names)
        chart(figure, key="fed:hidden", alt=f"Hidden features of token {token}, before ReLU and after it")
        widgets.caption("Frames: the features that ReLU makes 0.", "1:24:25")
    with right:
        st.markdown("**The output**, all tokens")
        figure = number_grid(fed.out.numpy(), marked=row, rows="token", columns="feature")
        chart(figure, key="fed:out", alt="The output of every token")
