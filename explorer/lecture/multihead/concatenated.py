"""Concatenation: the heads' outputs side by side, and the projection that mixes them."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch

from explorer.choice import Choice
from explorer.figures import style
from explorer.figures.vectors import token_vectors
from explorer.lecture.kit.controls import chapter, pick, show_cell
from explorer.shared import widgets
from explorer.shared.chart import chart
from gpt import GPTConfig
from gpt.lecture import concatenated_heads
from gpt.model.attention import Attention

T, C, HEADS = 8, 32, 4  # the lecture's: 4 heads of 8 features
SIZE = C // HEADS
PICKED = Choice(
    "slice", options=range(HEADS), default=0, label="Head", help="Its output is a slice of the concatenated vector."
)
OFF = Choice("slice-off", bool, default=False, label="Set its slice to 0")
TOKENS = [str(token) for token in range(T)]


def example(seed: int = 1337) -> tuple[Attention, torch.Tensor]:
    """The lecture's four heads, untrained, and eight random tokens (1, T, C)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        attention = Attention(GPTConfig(block_size=T, n_head=HEADS, n_embd=C, bias=False))
        return attention.eval().requires_grad_(False), torch.randn(1, T, C)


@chapter(
    "Concatenation: four heads side by side",
    "1:21:59",
    f"Pick a head, and find its {SIZE} features among the {C}. Then set them to 0: what changes after the projection?",
)
def slices() -> None:
    """The heads' outputs side by side, and what the projection does with one head's slice."""
    is_off = OFF.read()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        head = pick(PICKED)
        st.toggle(**OFF.bound(is_off))
    attention, x = example()
    before = concatenated_heads(attention, x)[0]
    without = before.clone()
    without[:, head * SIZE : (head + 1) * SIZE] = 0
    whole, off = ((each, attention.proj(each)) for each in (before, without))  # before and after the projection
    shown = off if is_off else whole
    changes = [int((one != other).any(0).sum()) for one, other in zip(whole, off, strict=True)]
    tops = [float(each.abs().max()) for each in whole]
    columns = st.columns(2, gap="medium")
    with columns[0]:
        st.markdown(f"**Before the projection**: {HEADS} × {SIZE} = {C} features")
        chart(_sliced(shown[0].numpy(), head, tops[0]), key="slices:before", alt="The heads' outputs side by side")
    with columns[1]:
        st.markdown("**After the projection**")
        chart(token_vectors(shown[1].numpy(), TOKENS, T - 1, top=tops[1]), key="slices:after", alt="The output")
    widgets.caption(
        f"Head {head} writes features {head * SIZE} to {(head + 1) * SIZE - 1}, whatever the other heads do. With its "
        f"slice at 0, {changes[0]} of {C} features change before the projection, and {changes[1]} of {C} after it: the "
        "projection mixes all heads into each feature.",
        "1:21:59",
    )
    show_cell("multihead/concatenation", concatenated_heads, Attention.forward)


def _sliced(values: np.ndarray, head: int, top: float) -> go.Figure:
    """All heads' outputs (T, C), with a frame around the slice of one and lines between the slices."""
    drawn = token_vectors(values, TOKENS, T - 1, top=top)
    drawn.layout.shapes = ()
    for edge in range(SIZE, C, SIZE):
        drawn.add_vline(edge - 0.5, line={"color": style.MUTED, "width": 1})
    style.draw_frame(drawn, (head * SIZE - 0.5, -0.5), ((head + 1) * SIZE - 0.5, T - 0.5))
    middles = [SIZE * i + (SIZE - 1) / 2 for i in range(HEADS)]
    drawn.update_xaxes(title="", tickvals=middles, ticktext=[f"head {i}" for i in range(HEADS)])
    return drawn
