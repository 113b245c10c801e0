"""The difference mode of the attention view: every head's pattern in B minus its pattern in A."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from explorer.choice import Choice
from explorer.components.attention_view import BY_LAYER, Arrangement, Look
from explorer.components.attention_view.differences import Difference, encode_difference
from explorer.components.attention_view.linked import linked_view, look_choices, read_lines
from explorer.explore.attention.arrangement import ORDER as ANY_ORDER
from explorer.explore.attention.arrangement import arrange_heads, order_choices, read_order
from explorer.explore.attention.difference_files import DrawnDifference
from explorer.explore.attention.layers import pick_layers
from explorer.explore.attention.sides import Pair, Side, pick_sides
from explorer.explore.attention.weight import read_cell
from explorer.explore.heads.names import caption_heads
from explorer.figures import style
from explorer.figures.tokens import head_name
from explorer.opened import Opened
from explorer.shared import downloads, texts, widgets
from explorer.shared.cache import cached
from explorer.shared.prompt import Reading
from explorer.shared.sink import describe_sink, shown_patterns
from explorer.shared.words import plain

BY_CHANGE = "change"
ORDER = Choice("difference-order", options=[BY_CHANGE, BY_LAYER], default=BY_CHANGE, label="Order of the heads")
NAMED = 3  # heads that changed most
SMALLEST = 1e-6  # share that is called a change; a smaller one is rounding


def draw_difference(kind: str, opened: Opened, prompt: str, reading: Reading, hides_first: bool) -> None:
    """Draw the attention view of the difference between two sides, those heads first that changed most.

    hides_first: compare the patterns without the first token, renormalised.
    """
    config = opened.config
    left, right = st.columns([8, 7], gap="medium", vertical_alignment="bottom")
    with left:
        pair = pick_sides(kind, opened, prompt, reading)
    if pair is None:
        return
    head = widgets.head_choice(config.n_layer, config.n_head)
    cell = read_cell(len(reading.ids))
    layers = pick_layers(opened, reading, head)
    encoded = compare(*pair, layers, hides_first)
    right.markdown(f"{_describe_moved(encoded.moved)} {_describe_sides(pair)}")
    scores = texts.known_head_scores(opened)
    weights = arrange_heads(opened, reading.ids, layers, scores)
    arrangement, order = Arrangement({BY_CHANGE: encoded.moved}, weights.first, weights.rest), _read_order()
    large = linked_view(
        encoded,
        reading.tokens,
        key="attention",
        look={"head": head, "cell": cell, **read_lines(config.n_layer, config.n_head), **order},
        choices=lambda look: look_choices(look) | _order_choices(look),
        opening=encoded.opening,
        captions=caption_heads(scores, layers),
        hides_first=hides_first,
        arrangement=arrangement,
    )
    downloads.view(DrawnDifference(pair, layers, hides_first, encoded, arrangement, order["order"]), large)
    if hides_first:
        st.caption(describe_sink(opened))
    st.caption(
        f"Each cell is the weight in B minus the weight in A. {style.ABOVE.capitalize()}: B reads more; {style.BELOW}: "
        f"less. The full colour is ±{encoded.top:g} for all heads. A head's number is the share of its weight that "
        "moved to other keys: half the sum of a row's differences without their signs, as the mean over its rows."
    )


@cached(max_entries=16, shared=True)
def compare(before: Side, after: Side, layers: tuple[int, ...] | None, hides_first: bool = False) -> Difference:
    """Encode the difference of two sides for the view. layers: those that are drawn (None: all)."""
    sides = (_reader(before, layers, hides_first), _reader(after, layers, hides_first))
    tokens = None if before.tokens == after.tokens else after.tokens
    config, first = before.opened.config, int(hides_first and len(before.ids) > 1)  # query: the first reads no key
    moved = np.full((config.n_layer, config.n_head), np.nan)
    for layer in range(config.n_layer) if layers is None else layers:
        moved[layer] = _moved_weight(*(read(layer)[:, first:] for read in sides))
    return encode_difference(*sides, moved, causal=config.causal, layers=layers, other_tokens=tokens)


def _reader(side: Side, layers: tuple[int, ...] | None, hides_first: bool) -> Callable[[int], np.ndarray]:
    return lambda layer: shown_patterns(side.patterns(layers)[layer], hides_first)


def _moved_weight(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return how much of its weight each head of a layer has moved: (n_head,)."""
    import torch

    from gpt.lens.difference import moved_weight

    return moved_weight(torch.from_numpy(before), torch.from_numpy(after)).numpy()


def _read_order() -> dict[str, Any]:
    """The order and the filters that the link asks for, as fields of a `Look`."""
    return read_order() | {"order": ORDER.read()}


def _order_choices(look: Look) -> dict[Choice, Any]:
    """The choices that arrange the grid in this way again. Without a difference, its order is another choice."""
    filters = {choice: value for choice, value in order_choices(look).items() if choice is not ANY_ORDER}
    return filters | {ORDER: None if look.order == BY_CHANGE else look.order}


def _describe_sides(pair: Pair) -> str:
    before, after = (plain(side.name, longest=200) for side in pair)
    return f"A: {before}. B: {after}."


def _describe_moved(moved: np.ndarray) -> str:
    """Say which heads changed most. moved: (n_layer, n_head)."""
    import torch

    from gpt.lens.difference import rank_heads

    heads = [head for head in rank_heads(torch.from_numpy(moved)) if moved[head] >= SMALLEST][:NAMED]
    if not heads:
        return "No head changed: the patterns of A and B are the same."
    shares = [f"{moved[head]:.2f}" if moved[head] >= 0.005 else "below 0.01" for head in heads]
    named = [f"**{head_name(*head)}** ({share})" for head, share in zip(heads, shares, strict=True)]
    listed = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    return f"Changed most: {listed}."
