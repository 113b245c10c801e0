"""Note 1, attention as communication: one head as a graph that passes messages, one reader after another."""

from functools import partial

import numpy as np
import streamlit as st
import torch

from explorer.explore.flow.figures import token_graph
from explorer.explore.heads.panel import pick_head
from explorer.figures.tokens import labels
from explorer.figures.vectors import token_vectors
from explorer.lecture.kit.controls import chapter, show_cell, unroll
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.patterns import attention
from gpt import lecture
from gpt.lens.weight import layer_vectors

LONGEST = 12  # tokens from the end of the prompt
DRAWN = 0.02  # the least weight with an arrow
ROW = 35  # pixels of a table's row


@chapter(
    "Note 1: attention is communication",
    "1:11:38",
    "Step from token to token. In each step, one token gathers messages from the tokens that it reads.",
)
def passing() -> None:
    """The person's prompt, a head, and the messages that each token gathers."""
    left, right = st.columns([8, 4], gap="medium")
    opened, prompt = widgets.model_and_prompt(left, right)
    config = opened.config
    if not config.n_layer:
        widgets.empty_state("A bigram table has no attention.", "Pick a model with heads.")
        return
    reading = widgets.reading(opened, prompt)
    if reading is None:
        return
    layer, head = pick_head(config.n_layer, config.n_head)
    ids, tokens = reading.ids[-LONGEST:], reading.tokens[-LONGEST:]
    if len(reading.ids) > LONGEST:
        st.caption(f"The graph shows the prompt's last {LONGEST} tokens; the model reads them without earlier ones.")
    weights = attention(opened, ids)[layer, head]
    vectors = layer_vectors(opened.model, torch.tensor(ids), layer)
    v, z = vectors.v[:, head // (config.n_head // config.n_kv_head)], vectors.z[:, head].numpy()  # heads may share v
    unroll("messages", len(ids) - 1, partial(_draw_step, tokens, weights, v, z))
    widgets.caption(
        "The nodes of any directed graph can pass messages like this. In a decoder, a token has arrows from itself "
        "and from all earlier tokens. The weights depend on the tokens' vectors.",
        "1:11:38",
    )
    show_cell("notes/communication", lecture.message_steps)


def _draw_step(tokens: tuple[str, ...], weights: np.ndarray, v: torch.Tensor, z: np.ndarray, at: int) -> None:
    """The messages up to the token `at`: its arrows in colour, its messages, and the values so far."""
    _, messages, total = list(lecture.message_steps(torch.from_numpy(weights), v))[at]
    read = weights[at] > 0
    so_far = np.where(np.arange(len(tokens))[:, None] <= at, weights, 0)
    name = labels(tokens)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        alt = "Tokens around a circle; each arrow runs from a token to its reader"
        chart(token_graph(so_far, tokens, threshold=DRAWN, chosen=at), key="messages:graph", alt=alt)
    with right:
        st.markdown(f"**{widgets.plain(name[at])} gathers**")
        strength = messages.norm(dim=-1).numpy()
        rows = {"from": name, "weight": weights[at], "length of weight × v": strength}
        rows |= {what: np.where(read, values, np.nan) for what, values in rows.items() if what != "from"}
        number = {what: st.column_config.NumberColumn(format="%.3f") for what in rows if what != "from"}
        height = ROW * (len(tokens) + 1) + 3
        st.dataframe(rows, hide_index=True, column_config=number, height=height, key="messages:read", placeholder="")
    top = float(max(v.abs().max(), np.abs(z).max()))
    sent = np.where(read[:, None], messages.numpy(), np.nan)
    values = np.where(np.arange(len(tokens))[:, None] <= at, z, np.nan)
    title = f"Weight × v: the messages to {widgets.plain(name[at])}"
    shown = {"sent": (title, sent), "after": ("Their sum: the output of each token so far", values)}
    for column, (key, (title, vectors)) in zip(st.columns(2, gap="medium"), shown.items(), strict=True):
        with column:
            st.markdown(f"**{title}**")
            chart(token_vectors(vectors, tokens, at, top=top), key=f"messages:{key}", alt=title)
    gap = float(np.abs(total.numpy() - z[at]).max())
    st.caption(
        f"{widgets.count(at + 1, 'message')}, {len(z[at])} features each. The weights sum to {weights[at].sum():.4f}. "
        f"The sum of the messages and the model's own output differ by at most {gap:.0e}."
    )
