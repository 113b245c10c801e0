"""What is offered where a prompt is too long for the patterns of all layers."""

import streamlit as st

from explorer import state
from explorer.components.attention_view.packing import Head
from explorer.shared import loading


def layers_kept(ref: str, reading: loading.Reading, chosen: Head | None) -> tuple[int, ...] | None:
    """None where the patterns of all layers fit; else that is said, and the layers that the person picks are returned.

    The chosen head's layer is always one of them. Raises ValueError where not even one layer fits.
    """
    n_layer, T = loading.load_run(ref).recipe.model.n_layer, len(reading.ids)
    fit, tokens = loading.layers_that_fit(ref, T), loading.tokens_that_fit(ref)
    if fit >= n_layer:
        return None
    from gpt.train.machine import bytes_in_words

    need, most = bytes_in_words(loading.pattern_bytes(ref, T)), bytes_in_words(loading.MOST_PATTERNS)
    st.warning(
        f"The patterns of all {n_layer} layers on {T:,} tokens would take {need}, and {loading.COPIES} times that while they "
        f"are drawn. Up to {most} are computed: some of the layers on the whole prompt, or all of them on {tokens:,} tokens.",
        icon=":material/memory:",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = _picker(n_layer, fit) if fit else []
        last = loading.text_of(ref, reading.ids[-tokens:])
        st.button(f"Keep the last {tokens:,} tokens", on_click=state.choose, kwargs={"prompt": last})
    if not fit:
        raise ValueError(f"not even one layer fits on {T:,} tokens; keep the last {tokens:,}, or shorten the prompt")
    if chosen and chosen[0] not in picked:
        picked = [*picked[: fit - 1], chosen[0]]
    return tuple(sorted(picked or range(fit)))


def _picker(n_layer: int, fit: int) -> list[int]:
    known = {str(layer): layer for layer in range(n_layer)}
    chosen = list(dict.fromkeys(known[name] for name in state.several("layers") if name in known))[:fit]
    shown = chosen or list(range(fit))
    return st.multiselect(f"Layers, up to {fit}", range(n_layer), max_selections=fit, **state.bound("layers", shown))
