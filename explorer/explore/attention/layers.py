"""Which layers are drawn on a prompt that is too long for the patterns of all layers."""

import streamlit as st

from explorer.choice import Choice, choose
from explorer.components.attention_view.packing import Head
from explorer.opened import Opened
from explorer.shared import patterns
from explorer.shared.choices import PROMPT
from explorer.shared.prompt import Reading

LAYERS = Choice("layers", default=(), several=True)


def pick_layers(opened: Opened, reading: Reading, head: Head | None) -> tuple[int, ...] | None:
    """Let the person pick layers if the patterns of all do not fit; None if they fit.

    The layer of the chosen head is always one of them. Raises ValueError if not even one layer fits.
    """
    n_layer, T = opened.config.n_layer, len(reading.ids)
    fit, tokens = patterns.layers_that_fit(opened, T), patterns.tokens_that_fit(opened)
    if fit >= n_layer:
        return None
    from gpt.machine import bytes_in_words

    need, most = bytes_in_words(patterns.pattern_bytes(opened, T)), bytes_in_words(patterns.MOST_PATTERNS)
    st.warning(
        f"The patterns of all {n_layer} layers on {T:,} tokens need {need}, and {patterns.COPIES} times that while the "
        f"page draws them. Up to {most} are computed: some layers on the whole prompt, or all on {tokens:,} tokens.",
        icon=":material/memory:",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = _pick(n_layer, fit) if fit else []
        last = opened.tokenizer.decode(reading.ids[-tokens:])
        st.button(f"Keep the last {tokens:,} tokens", on_click=choose, args=({PROMPT: last},))
    if not fit:
        raise ValueError(f"not even one layer fits on {T:,} tokens; keep the last {tokens:,}, or shorten the prompt")
    if head and head[0] not in picked:
        picked = [*picked[: fit - 1], head[0]]
    return tuple(sorted(picked))


def _pick(n_layer: int, fit: int) -> list[int]:
    layers = list(LAYERS.read(options=range(n_layer)))[:fit] or list(range(fit))
    bound = LAYERS.bound(layers, label=f"Layers, up to {fit}")
    return st.multiselect(options=range(n_layer), max_selections=fit, **bound) or list(range(fit))
