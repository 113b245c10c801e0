"""The pages' own downloads: the attention view as a page, patterns and the residual stream as numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from explorer.components.attention_view.packing import Head
from explorer.components.attention_view.standalone import standalone_page
from explorer.components.picture_buttons import picture_buttons
from explorer.figures.export import file_name
from explorer.figures.picture import pattern_svg
from explorer.figures.tokens import head_name
from explorer.opened import Opened
from explorer.shared import download_files as downloads
from explorer.shared import patterns
from explorer.shared.chart import download, menu
from explorer.shared.fragment import fragment
from explorer.shared.prompt import Reading
from explorer.shared.widgets import count

NAMED = "Tensors named as gpt's hooks are; the prompt's tokens stand in the metadata."


@dataclass(frozen=True)
class Drawn:
    """What an attention view shows, with all that its files are made of. tokens, keys, causal, layers: as the view takes them."""

    name: tuple[str | int | None, ...]  # that the files begin with
    title: str  # above the page that opens offline
    model: str
    prompt: str
    tokens: Sequence[str]
    causal: bool
    layers: Sequence[int] | None
    heads: list[Head]  # of the layers that are drawn
    patterns: Callable[[], np.ndarray]  # (n_layer, n_head, T, S)
    tensors: Callable[[], bytes]  # the patterns as safetensors
    keys: Sequence[str] | None = None


def attention(opened: Opened, reading: Reading, shown: Head, layers: tuple[int, ...] | None) -> None:
    """What the attention view shows of a prompt, as files. shown: the head that stands large; layers: those drawn, None for all."""
    config, T = opened.config, len(reading.ids)
    kept = range(config.n_layer) if layers is None else layers
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in kept]
    drawn = Drawn(
        (opened.ref,),
        f"{opened.ref}: attention on {count(T, 'token')}",
        opened.ref,
        "".join(reading.tokens),
        reading.tokens,
        config.causal,
        layers,
        [(layer, head) for layer in kept for head in range(config.n_head)],
        partial(patterns.attention, opened, reading.ids, layers),
        partial(downloads.activations, opened, reading, names),
    )
    view(drawn, shown)


def view(drawn: Drawn, shown: Head) -> None:
    """The files of an attention view. shown: the head that stands large."""
    fragment(_view, drawn, shown)


def stream(opened: Opened, reading: Reading) -> None:
    """The residual stream at all its points as safetensors."""
    fragment(_stream, opened, reading)


def _view(drawn: Drawn, shown: Head) -> None:
    downloads_menu = menu("Download the view, or the weights of its heads", "attention")
    if not downloads_menu.open:
        return
    tokens, axes = drawn.tokens, {"causal": drawn.causal, "keys": drawn.keys}
    one, every = file_name(*drawn.name, "layer", shown[0], "head", shown[1]), file_name(*drawn.name, "attention")

    head = head_name(*shown)
    titles = {"title": f"{head} of {drawn.model}", "subtitle": drawn.prompt, "dark": st.context.theme.type == "dark"}
    picture = pattern_svg(drawn.patterns()[shown], tokens, **axes, **titles)

    def table(heads: Sequence[Head]) -> bytes:
        return downloads.patterns_csv(drawn.patterns(), tokens, heads, **axes)

    def page() -> bytes:
        return standalone_page(drawn.patterns(), tokens, title=drawn.title, head=shown, layers=drawn.layers, **axes)

    with downloads_menu:
        st.markdown(f"**{head}**")
        picture_buttons("attention", one, svg=picture.decode())
        download("CSV", partial(table, [shown]), f"{one}.csv", "text/csv", key="head csv")
        st.markdown("**All heads**")
        download(
            "HTML", page, f"{every}.html", "text/html", key="view", help="The whole view as one page; opens offline."
        )
        if (
            downloads.pattern_rows(len(drawn.heads), len(tokens), len(drawn.keys or tokens), drawn.causal)
            <= downloads.MOST_ROWS
        ):
            download("CSV", partial(table, drawn.heads), f"{every}.csv", "text/csv", key="heads csv")
        _safetensors(drawn.tensors, every)


def _stream(opened: Opened, reading: Reading) -> None:
    downloads_menu = menu("Download the residual stream", "stream")
    if downloads_menu.open:
        with downloads_menu:
            _safetensors(
                partial(downloads.activations, opened, reading, ["blocks.*.hook_resid_*"]),
                file_name(opened.ref, "residual-stream"),
            )


def _safetensors(data: Callable[[], bytes], name: str) -> None:
    download("safetensors", data, f"{name}.safetensors", "application/octet-stream", key=f"tensors:{name}", help=NAMED)
