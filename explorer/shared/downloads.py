"""The files of the Explore pages: the attention view as a page, patterns and the residual stream as numbers."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import streamlit as st

from explorer.components.attention_view.packing import Head
from explorer.components.attention_view.standalone import standalone_page
from explorer.components.picture_buttons import picture_buttons
from explorer.figures.export import csv_cell, file_name
from explorer.figures.picture import pattern_svg
from explorer.figures.tokens import head_name
from explorer.opened import Opened
from explorer.shared import patterns
from explorer.shared.chart import download, menu
from explorer.shared.fragment import fragment
from explorer.shared.prompt import Reading
from explorer.shared.sink import HIDDEN, shown_patterns
from explorer.shared.widgets import count

NAMED = "Tensors have the names of gpt's hooks. The metadata hold the prompt's tokens."
MOST_ROWS = 1_000_000  # of a CSV file; a larger one is only offered as safetensors


class Files(Protocol):
    """The files of an attention view."""

    @property
    def name(self) -> tuple[str | int | None, ...]:
        """The first part of the files' names."""
        ...

    @property
    def heads(self) -> list[Head]:
        """The heads that are drawn."""
        ...

    @property
    def rows(self) -> int:
        """How many lines a table of all heads has."""
        ...

    @property
    def tensors(self) -> Callable[[], bytes]:
        """Returns the patterns as safetensors."""
        ...

    @property
    def hides_first(self) -> bool:
        """Whether the patterns are without the first token, except in `tensors`."""
        ...

    def picture(self, head: Head, *, dark: bool) -> bytes:
        """Draw a head as an SVG."""
        ...

    def table(self, heads: Sequence[Head]) -> bytes:
        """Return the weights of these heads as a CSV file."""
        ...

    def page(self, head: Head) -> bytes:
        """Return the whole view as an HTML file with this head large."""
        ...


@dataclass(frozen=True)
class Drawn:
    """An attention view, with the data of its files. tokens, keys, causal, layers: see `attention_view`."""

    name: tuple[str | int | None, ...]  # the first part of the files' names
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
    hides_first: bool = False  # whether `patterns` are without the first token

    @property
    def axes(self) -> dict[str, Any]:
        """The keyword arguments that say which cells there are."""
        return {"causal": self.causal, "keys": self.keys}

    @property
    def rows(self) -> int:
        return pattern_rows(len(self.heads), len(self.tokens), len(self.keys or self.tokens), self.causal)

    def picture(self, head: Head, *, dark: bool) -> bytes:
        titles = {"title": f"{head_name(*head)} of {self.model}", "subtitle": self.prompt, "dark": dark}
        return pattern_svg(self.patterns()[head], self.tokens, **self.axes, **titles)

    def table(self, heads: Sequence[Head]) -> bytes:
        return patterns_csv(self.patterns(), self.tokens, heads, hides_first=self.hides_first, **self.axes)

    def page(self, head: Head) -> bytes:
        options = {"title": self.title, "head": head, "layers": self.layers, "hides_first": self.hides_first}
        return standalone_page(self.patterns(), self.tokens, **options, **self.axes)


def attention(opened: Opened, reading: Reading, shown: Head, layers: tuple[int, ...] | None, hides_first: bool) -> None:
    """Offer the files of an Attention page. shown: the large head; layers: the drawn layers, None for all.

    hides_first: the weights are those without the first token, renormalised, except the tensors.
    """
    config, T = opened.config, len(reading.ids)
    kept = range(config.n_layer) if layers is None else layers
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in kept]
    without = ", first token hidden" if hides_first else ""
    drawn = Drawn(
        (opened.ref, "without", "first", "token") if hides_first else (opened.ref,),
        f"{opened.ref}: attention on {count(T, 'token')}{without}",
        f"{opened.ref}{without}",
        "".join(reading.tokens),
        reading.tokens,
        config.causal,
        layers,
        [(layer, head) for layer in kept for head in range(config.n_head)],
        lambda: shown_patterns(patterns.attention(opened, reading.ids, layers), hides_first),
        partial(activations, opened, reading, names),
        hides_first=hides_first,
    )
    view(drawn, shown)


def view(drawn: Files, shown: Head) -> None:
    """Offer the files of an attention view. shown: the large head."""
    fragment(_view, drawn, shown)


def stream(opened: Opened, reading: Reading) -> None:
    """Offer the residual stream at all its points as safetensors."""
    fragment(_stream, opened, reading)


def _view(drawn: Files, shown: Head) -> None:
    downloads_menu = menu("Download the view, or the weights of its heads", "attention")
    if not downloads_menu.open:
        return
    one, every = file_name(*drawn.name, "layer", shown[0], "head", shown[1]), file_name(*drawn.name, "attention")
    picture = drawn.picture(shown, dark=st.context.theme.type == "dark")
    with downloads_menu:
        if drawn.hides_first:
            st.caption(f"{HIDDEN} The safetensors have the model's own weights.")
        st.markdown(f"**{head_name(*shown)}**")
        picture_buttons("attention", one, svg=picture.decode())
        download("CSV", partial(drawn.table, [shown]), f"{one}.csv", "text/csv", key="head csv")
        st.markdown("**All heads**")
        help = "The whole view as one page; opens offline."
        download("HTML", partial(drawn.page, shown), f"{every}.html", "text/html", key="view", help=help)
        if drawn.rows <= MOST_ROWS:
            download("CSV", partial(drawn.table, drawn.heads), f"{every}.csv", "text/csv", key="heads csv")
        _safetensors(drawn.tensors, every)


def _stream(opened: Opened, reading: Reading) -> None:
    downloads_menu = menu("Download the residual stream", "stream")
    if downloads_menu.open:
        data = partial(activations, opened, reading, ["blocks.*.hook_resid_*"])
        with downloads_menu:
            _safetensors(data, file_name(opened.ref, "residual-stream"))


def _safetensors(data: Callable[[], bytes], name: str) -> None:
    download("safetensors", data, f"{name}.safetensors", "application/octet-stream", key=f"tensors:{name}", help=NAMED)


def pattern_rows(heads: int, T: int, S: int, causal: bool) -> int:
    """Count the weights in the patterns of this many heads, T queries by S keys."""
    return heads * (T * (T + 1) // 2 if causal else T * S)


def patterns_csv(
    patterns: np.ndarray,
    tokens: Sequence[str],
    heads: Sequence[tuple[int, int]],
    *,
    causal: bool,
    keys: Sequence[str] | None = None,
    hides_first: bool = False,
) -> bytes:
    """Return a CSV file with one line for each weight that is not masked. heads: (layer, head) pairs.

    patterns: (n_layer, n_head, T, S). tokens: the T queries; keys: the S keys, None where they equal the queries.
    hides_first: leave out the first key.
    """
    cells = [(query, key) for query, key in cells_of(patterns.shape[2:], causal) if key or not hides_first]
    queries = [csv_cell(token) for token in tokens]
    names = queries if keys is None else [csv_cell(token) for token in keys]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["layer", "head", "query position", "query token", "key position", "key token", "weight"])
    for layer, head in heads:
        pattern = patterns[layer, head]
        writer.writerows([layer, head, q, queries[q], k, names[k], str(pattern[q, k])] for q, k in cells)
    return written.getvalue().encode("utf-8-sig")


def cells_of(shape: tuple[int, int], causal: bool) -> list[list[int]]:
    """Return the (query, key) pairs that are not masked, row by row."""
    return np.argwhere(np.tri(*shape) if causal else np.ones(shape)).tolist()


def activations(opened: Opened, reading: Reading, names: Sequence[str]) -> bytes:
    """Return the activations of these hooks on the prompt as safetensors, float32, without the batch axis.

    names: of hooks; `*` is a wildcard. The metadata hold the model's name, and the tokens and their ids as JSON.
    """
    import torch
    from safetensors.torch import save

    with torch.inference_mode():
        _, cache = opened.model.run_with_cache(torch.tensor([reading.ids]), names)
    tensors = {name: value[0].float().contiguous() for name, value in cache.items()}
    return save(tensors, {"model": opened.ref, "tokens": json.dumps(reading.tokens), "ids": json.dumps(reading.ids)})


def arrays(named: Mapping[str, np.ndarray], **metadata: str) -> bytes:
    """Return named arrays as safetensors, with these metadata."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(value) for name, value in named.items()}, metadata)
