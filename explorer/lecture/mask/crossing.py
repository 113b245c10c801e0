"""Note 5 on attention: x reads itself, or another sequence y."""

import streamlit as st
import torch

from explorer.choice import Choice
from explorer.lecture.kit.controls import chapter, draw_matrix, editable, pick, show_cell
from explorer.lecture.translate import maps
from explorer.navigation import PAGES
from explorer.shared.choices import SEED
from gpt import lecture

FEATURES = 4
SEQUENCES = {"x": ("the decoder", 4), "y": ("the encoder", 6)}  # name → whose tokens, how many
SELF, CROSS = "itself: self-attention", "y: cross-attention"
LOOKS_AT = Choice("x-reads", options=(SELF, CROSS), default=SELF, label="x reads")
ORIGIN = {
    SELF: "q, k and v come from x, and the mask hides the future of x.",
    CROSS: "q comes from x, k and v from y: x asks and y answers. All of y is there from the start, so there is no "
    "mask.",
}


@chapter(
    "Note 5: self-attention and cross-attention",
    "1:15:39",
    "Let x read itself, then y. Watch where q, k and v come from, and the shape of the weights.",
)
def crossing() -> None:
    """Note 5: queries from x; keys and values from x as well, or from another sequence y."""
    seed = SEED.read(low=1, default=1337)
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        kind = pick(LOOKS_AT)
    right.number_input(**SEED.bound(seed, help="Seed of x, y and the matrices.", min_value=1))
    generator = torch.Generator().manual_seed(seed)
    matrices = lecture.random_matrices(FEATURES, FEATURES, generator)
    inputs = {}
    for column, (name, (owner, length)) in zip(st.columns(2, gap="medium"), SEQUENCES.items(), strict=True):
        with column:
            st.markdown(f"**{name}**, {length} tokens of {owner} (edit me)")
            start = torch.randn(length, FEATURES, generator=generator).round(decimals=1)
            inputs[name] = editable(start, f"cross:{name}:{seed}")
    read = "y" if kind == CROSS else "x"
    head = lecture.one_head(inputs["x"], *matrices, memory=inputs["y"] if kind == CROSS else None)
    _draw_head(head, read)
    difference = (head.weights.sum(1) - 1).abs().max()
    st.caption(f"{ORIGIN[kind]} Each row of weights sums to 1 (largest difference {difference:.0e}).")
    show_cell("mask/cross", lecture.one_head)
    maps.shipped_crossing()
    st.page_link(PAGES / "translate.py", label="More of this model: Encoder and decoder", icon=":material/translate:")


def _draw_head(head: lecture.OneHead, read: str) -> None:
    """q, k and v, and below them the weights and the output. read: the sequence of the keys."""
    vectors = {"q = x · W_q": (head.q, "x"), f"k = {read} · W_k": (head.k, read), f"v = {read} · W_v": (head.v, read)}
    for column, (title, (values, source)) in zip(st.columns(3, gap="medium"), vectors.items(), strict=True):
        with column:
            axes = {"rows": f"token of {source}", "columns": "feature"}
            draw_matrix(title, values, f"notes:cross:{title[0]}", digits=1, **axes)
    T, S = head.weights.shape
    weights = head.weights
    if read == "x":
        weights = weights.masked_fill(torch.ones(T, S).triu(1).bool(), torch.nan)
    left, right = st.columns(2, gap="medium")
    with left:
        title = f"weights, {T} × {S}: {'rectangular' if T != S else 'square'}"
        draw_matrix(title, weights, "notes:cross:w", rows="query, token of x", columns=f"key, token of {read}")
    with right:
        draw_matrix("out = weights · v", head.out, "notes:cross:o", rows="token of x", columns="feature")
