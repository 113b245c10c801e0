"""The KV cache: rows appended token by token, the time of a token, and the bytes with shared keys and values."""

from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
import streamlit as st
import torch

from explorer import state
from explorer.after.cache.figures import cache_sizes, computed_rows, token_times
from explorer.choice import Choice
from explorer.figures.vectors import token_vectors
from explorer.lecture.kit.controls import chapter, metrics, pick, show_cell, unroll
from explorer.opened import DEFAULT, Opened, open_model
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.choices import HEAD, LAYER
from explorer.shared.prompt import read_prompt
from gpt import GPT
from gpt.after.cache import PUBLISHED, cache_bytes, multiplications, read_both_ways, time_both_ways
from gpt.machine import bytes_in_words
from gpt.model.attention import KVCache

PREFIX = Choice("prefix", high=20, default="ROMEO:\nBut soft", label="Text", help="Up to 20 characters.")
LENGTHS = (8, 32, 64, 96, 128, 192, 256)  # tokens
MEASURED = (  # ms at these lengths, on our machine: recompute, reuse
    (1.06, 1.79, 2.78, 3.88, 5.00, 7.35, 10.78),
    (0.85, 0.85, 0.92, 0.94, 0.96, 1.17, 1.26),
)
MODEL = Choice("shape", options=tuple(PUBLISHED), default="SmolLM2-135M", label="Sizes of")
TOKENS = Choice("cached", options=(256, 1024, 2048, 8192, 32768, 131072), default=2048, label="Tokens in the cache")
FLOAT = 4  # bytes of a number in our own model's cache


@chapter(
    "One token more: recompute everything, or reuse",
    "cache",
    "Step through the text. How many rows of k and v does each way compute for one more token?",
)
def rows() -> None:
    """The rows that each step computes, the cache of one head, and the cost of both ways."""
    opened = open_model(DEFAULT)
    text, layer, head = _controls(opened)
    if not text:
        widgets.empty_state("The text is empty.", "Type a few letters.")
        return
    reading = read_prompt(opened, text)
    unroll("cache", len(reading.ids) - 1, partial(_draw_step, opened, reading.ids, reading.tokens, layer, head))
    st.caption(
        "A key and a value depend only on the tokens up to their own, so later tokens do not change them. The query of "
        "an old token is not needed again. Sources: Shazeer 2019, "
        "[arXiv:1911.02150](https://arxiv.org/abs/1911.02150)."
    )
    show_cell("cache/rows", read_both_ways, multiplications, KVCache.extend)


def _controls(opened: Opened) -> tuple[str, int, int]:
    """The text, and the layer and head whose cache is shown."""
    text, config = PREFIX.read(), opened.config
    layer, head = LAYER.read(high=config.n_layer - 1, default=0), HEAD.read(high=config.n_head - 1, default=0)
    left, middle, right = st.columns([4, 1, 1], vertical_alignment="bottom")
    left.text_area(height=68, **PREFIX.bound(text))
    middle.number_input(**LAYER.bound(layer, min_value=0, max_value=config.n_layer - 1))
    right.number_input(**HEAD.bound(head, min_value=0, max_value=config.n_head - 1))
    return text, layer, head


def _draw_step(opened: Opened, ids: Sequence[int], tokens: Sequence[str], layer: int, head: int, at: int) -> None:
    """The step that reads the token `at`."""
    T, read = len(tokens), at + 1
    both = read_both_ways(cast(GPT, opened.model), torch.tensor(ids[:read]))
    ways = {
        f"Recompute: {widgets.count(read, 'row')} in this step": np.tri(T, dtype=bool),
        "Reuse: 1 row in this step": np.eye(T, dtype=bool),
    }
    for column, (title, computed) in zip(st.columns(2, gap="medium"), ways.items(), strict=True):
        with column:
            st.markdown(f"**{title}**")
            chart(computed_rows(computed, tokens, at), key=f"cache:{title.split(':')[0]}", alt=title.split(":")[0])
    costs = [multiplications(opened.config, read, read), multiplications(opened.config, 1, read)]
    config = opened.config
    held = cache_bytes(config.n_layer, config.n_kv_head, config.d_head, read, FLOAT)
    metrics(
        {
            "Multiplications, recompute": f"{costs[0]:,}",
            "Multiplications, reuse": f"{costs[1]:,}",
            "Bytes of the cache": f"{held:,}",
            "Largest difference of the logits": f"{both.difference:.0e}" if both.difference else "0",
        }
    )
    cached = {"k": both.keys, "v": both.values}
    for column, (name, vectors) in zip(st.columns(2, gap="medium"), cached.items(), strict=True):
        with column:
            st.markdown(f"**The cache: {name} of layer {layer}, head {head}**")
            values = np.full((T, config.d_head), np.nan, dtype=np.float32)
            values[:read] = vectors[layer, head].numpy()
            top = float(vectors[layer, head].abs().max())
            chart(token_vectors(values, tokens, at, top=top), key=f"cache:{name}", alt=f"Cached {name}")


@chapter(
    "The time of one more token",
    "cache",
    "Measure both ways on this machine. Which of the two curves grows with the length of the text?",
)
def timing() -> None:
    """Both ways, timed as the text grows; before the person measures, the times of our machine."""
    if st.button("Measure", icon=":material/timer:", type="primary", key="cache:measure"):
        place, measured = st.empty(), []
        for times in time_both_ways(cast(GPT, open_model(DEFAULT).model), LENGTHS):
            measured.append(times)
            place.progress(len(measured) / len(LENGTHS), text=f"{LENGTHS[len(measured) - 1]} tokens …")
        place.empty()
        state.remember("cache:times", [[1000 * each for each in way] for way in zip(*measured, strict=True)])
    here = state.recall("cache:times")
    recomputed, reused = here or MEASURED
    chart(token_times(LENGTHS, recomputed, reused), key="cache:times", alt="Time of one more token, by length")
    whose = (
        "The shortest of several times on this machine, measured now" if here else "Times of our machine, one thread"
    )
    st.caption(
        f"At {LENGTHS[-1]} tokens, reuse takes {reused[-1]:.1f} ms and recompute {recomputed[-1]:.1f} ms: "
        f"{recomputed[-1] / reused[-1]:.1f} times as long. {whose}, for the model {widgets.plain(DEFAULT)}. A text of "
        "T tokens takes T steps: T (T + 1) / 2 rows without the cache, T with it."
    )
    show_cell("cache/time", time_both_ways)


@chapter(
    "Grouped queries: fewer keys and values to keep",
    "cache",
    "Choose a model. How much smaller is its cache than with one key and value head for each query head?",
)
def grouped() -> None:
    """The bytes of the cache for every number of key and value heads that divides the query heads."""
    left, right = st.columns(2, gap="medium")
    with left:
        name = pick(MODEL)
    shape, tokens = PUBLISHED[name], TOKENS.read()
    with right:
        st.select_slider(options=TOKENS.options or (), format_func="{:,}".format, **TOKENS.bound(tokens))
    heads = [count for count in range(shape.n_head, 0, -1) if shape.n_head % count == 0]
    sizes = [shape.bytes(tokens, count) for count in heads]
    labels = [bytes_in_words(size) for size in sizes]
    chart(cache_sizes(heads, sizes, labels, shape.n_kv_head), key="cache:sizes", alt="Bytes of the cache")
    longer = f" Its published context is shorter, {shape.context:,} tokens." if tokens > shape.context else ""
    st.caption(
        f"{name} has {shape.n_layer} layers, {shape.n_head} query heads and {shape.n_kv_head} key and value heads (*) "
        f"of {shape.d_head} features: {shape.bytes(tokens):,} bytes for one text of {tokens:,} tokens, in 16-bit "
        f"numbers. With {shape.n_head} heads each query has its own key; with 1, all share one.{longer} Sources: the "
        "models' config.json; Ainslie et al. 2023, [arXiv:2305.13245](https://arxiv.org/abs/2305.13245)."
    )
    show_cell("cache/bytes", cache_bytes)
