"""The Explore pages' own downloads: the attention view as a page, patterns and the residual stream as numbers."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from explorer import downloads, loading
from explorer.attention_view import Head
from explorer.attention_view.standalone import standalone_page
from explorer.chart import download, menu
from explorer.figures.export import file_name
from explorer.fragment import fragment
from explorer.picture_buttons import picture_buttons

NAMED = "Tensors named as gpt's hooks are; the prompt's tokens stand in the metadata."


def attention(ref: str, reading: loading.Reading, shown: Head, layers: tuple[int, ...] | None) -> None:
    """What the attention view shows, as files. shown: the head that stands large; layers: those that are drawn, None for all."""
    fragment(_attention, ref, reading, shown, layers)


def stream(ref: str, reading: loading.Reading) -> None:
    """The residual stream at all its points as safetensors."""
    fragment(_stream, ref, reading)


def _attention(ref: str, reading: loading.Reading, shown: Head, layers: tuple[int, ...] | None) -> None:
    opened = menu("Download the view, or the weights of its heads", "attention")
    if not opened.open:
        return
    model = loading.load_run(ref).recipe.model
    tokens, kept = reading.tokens, range(model.n_layer) if layers is None else layers
    heads = [(layer, head) for layer in kept for head in range(model.n_head)]
    one, every = file_name(ref, "layer", shown[0], "head", shown[1]), file_name(ref, "attention")

    def patterns() -> np.ndarray:
        return loading.attention(ref, reading.ids, layers=layers)

    def picture() -> bytes:
        return downloads.pattern_svg(patterns()[shown], tokens, causal=model.causal)

    def table(heads: Sequence[Head]) -> bytes:
        return downloads.patterns_csv(patterns(), tokens, heads, causal=model.causal)

    def page() -> bytes:
        title = f"{ref}: attention on {len(tokens)} tokens"
        return standalone_page(patterns(), tokens, title=title, causal=model.causal, head=shown, layers=layers)

    with opened:
        st.markdown(f"**Layer {shown[0]}, head {shown[1]}**")
        picture_buttons("attention", one, canvas=".map canvas")
        download("SVG", picture, f"{one}.svg", "image/svg+xml", key="head svg")
        download("CSV", partial(table, [shown]), f"{one}.csv", "text/csv", key="head csv")
        st.markdown("**All heads**")
        download(
            "HTML", page, f"{every}.html", "text/html", key="view", help="The whole view as one page; opens offline."
        )
        if downloads.pattern_rows(len(heads), len(tokens), model.causal) <= downloads.MOST_ROWS:
            download("CSV", partial(table, heads), f"{every}.csv", "text/csv", key="heads csv")
        _safetensors(ref, reading, [f"blocks.{layer}.attn.hook_pattern" for layer in kept], every)


def _stream(ref: str, reading: loading.Reading) -> None:
    opened = menu("Download the residual stream", "stream")
    if opened.open:
        with opened:
            _safetensors(ref, reading, ["blocks.*.hook_resid_*"], file_name(ref, "residual-stream"))


def _safetensors(ref: str, reading: loading.Reading, names: Sequence[str], name: str) -> None:
    data = partial(downloads.activations, ref, reading, names)
    download("safetensors", data, f"{name}.safetensors", "application/octet-stream", key=f"tensors:{name}", help=NAMED)
