"""The attention view in step with the link. The link is the one place that knows what is locked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from explorer.choice import Choice, choose
from explorer.components.attention_view import SHARES, Look, attention_view
from explorer.components.attention_view.encoding import AVERAGE, Encoded, Head
from explorer.shared.choices import HEAD, KEY, LAYER, QUERY

COMPARED = Choice("compared", default=(), label="Compared heads", several=True)  # "1.2,avg.0": layer.head
COVERAGE = Choice("coverage", options=[round(100 * share) for share in SHARES], default=90, label="Coverage")  # percent


def head_choices(look: Look) -> dict[Choice, Any]:
    """The choices that lock this head again."""
    layer, head = look.head or (None, None)
    return {LAYER: layer, HEAD: head}


def look_choices(look: Look) -> dict[Choice, Any]:
    """The choices that open this look again."""
    query, key = look.cell or (None, None)
    coverage = round(100 * look.share)
    compared = [f"{layer}.{head}" for layer, head in look.compared]
    lines = {COMPARED: compared, COVERAGE: None if coverage == COVERAGE.default else coverage}
    return head_choices(look) | {QUERY: query, KEY: key} | lines


def read_lines(n_layer: int, n_head: int) -> dict[str, Any]:
    """The lines that the link asks for, as fields of a `Look`. Heads that this model does not have are left out."""
    layers, heads = ([*range(size), AVERAGE] for size in (n_layer, n_head))
    pairs = {f"{layer}.{head}": (layer, head) for layer in layers for head in heads}
    compared = tuple(pairs[name] for name in COMPARED.read(options=pairs))
    return {"compared": compared, "share": COVERAGE.read() / 100}


def linked_view(
    patterns: np.ndarray | Encoded,
    tokens: Sequence[str],
    *,
    key: str,
    look: Mapping[str, Any],
    choices: Callable[[Look], Mapping[Choice, Any]] = head_choices,
    **options: Any,
) -> Head:
    """Draw the attention view with what the link holds, and write every click into the link. Return the large head.

    look: the fields of a `Look` that the link holds. choices: what a new look writes into the link.
    patterns, tokens, key, options: see `attention_view`.
    """
    return attention_view(patterns, tokens, key=key, look=look, on_look=lambda look: choose(choices(look)), **options)
