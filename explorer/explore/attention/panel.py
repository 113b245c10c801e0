"""Every head's pattern on the prompt, and one weight explained."""

import time
from typing import Any

import streamlit as st

from explorer import state
from explorer.components.attention_view.linked import linked_view, look_choices, read_lines
from explorer.components.attention_view.packing import example
from explorer.explore.attention.arrangement import arrange_heads, order_choices, read_order
from explorer.explore.attention.layers import pick_layers
from explorer.explore.attention.weight import PLACE, draw_weight, read_cell
from explorer.explore.heads.names import caption_heads
from explorer.explore.heads.panel import most_telling_head
from explorer.opened import Opened
from explorer.shared import downloads, texts, widgets
from explorer.shared.encoded import encode_patterns
from explorer.shared.prompt import Reading
from explorer.shared.sink import describe_sink
from explorer.shared.turns import await_turn

HEAD_START = 0.1  # seconds in which the browser draws a new picture, before it gets the charts below


def draw_heads(opened: Opened, reading: Reading, hides_first: bool) -> None:
    """Draw the attention view, and take apart the pinned weight, or the largest of the middle row.

    hides_first: draw the patterns without the first token, renormalised.
    """
    config = opened.config
    if not config.n_layer:
        widgets.empty_state(
            "This model has no heads.",
            "A bigram table reads only the last token. "
            "Its next-token probabilities are below; pick a Transformer to see attention.",
        )
        return
    head = widgets.head_choice(config.n_layer, config.n_head)
    cell = read_cell(len(reading.ids))
    layers = pick_layers(opened, reading, head)
    scores = texts.known_head_scores(opened)
    encoded = encode_patterns(opened, reading.ids, layers, hides_first)
    large = linked_view(
        encoded,
        reading.tokens,
        key="attention",
        look={"head": head, "cell": cell, **read_lines(config.n_layer, config.n_head), **read_order()},
        choices=lambda look: look_choices(look) | order_choices(look),
        opening=most_telling_head(opened, reading.ids) if opened.is_real and layers is None else encoded.opening,
        explained=PLACE,
        captions=caption_heads(scores, layers),
        hides_first=hides_first,
        arrangement=arrange_heads(opened, reading.ids, layers, scores),
    )
    _let_browser_draw((opened, reading.ids, layers, hides_first))
    downloads.attention(opened, reading, large, layers, hides_first)
    if hides_first:
        st.caption(describe_sink(opened))
    widgets.caption(
        "Each row is a query, the token that reads; each column is a key, the token it reads from. "
        "The weights of a row sum to 1.",
        "1:02:00",
    )
    pattern = encoded.full(large[0])[large[1]]
    draw_weight(opened, reading, pattern, large, cell or example(pattern), hides_first)


def _let_browser_draw(picture: tuple[Any, ...]) -> None:
    """Wait where the picture is new. A browser that got the charts too would draw them first, and pictures of other
    sessions would wait for them.
    """
    if state.recall("picture") != picture:
        state.remember("picture", picture)
        time.sleep(HEAD_START)
        await_turn()
