"""The order of the heads in the grid, and which of them it shows."""

from typing import Any

import numpy as np

from explorer.choice import Choice
from explorer.components.attention_view import BY_LAYER, Arrangement, Look
from explorer.explore.heads.names import MEANING, Scores
from explorer.opened import Opened
from explorer.shared.cache import cached
from explorer.shared.patterns import Ids, record

ORDER = Choice("order", options=[BY_LAYER, *MEANING], default=BY_LAYER, label="Order of the heads")
ROLE = Choice("role", options=[name for name in MEANING if name != "entropy"], label="Role")
HIDE_REST = Choice("hide-rest", bool, default=False, label="Heads at rest")


def read_order() -> dict[str, Any]:
    """The order and the filters that the link asks for, as fields of a `Look`."""
    return {"order": ORDER.read(), "role": ROLE.read() or "", "hides_rest": HIDE_REST.read()}


def order_choices(look: Look) -> dict[Choice, Any]:
    """The choices that arrange the grid in this way again."""
    order = None if look.order == BY_LAYER else look.order
    return {ORDER: order, ROLE: look.role or None, HIDE_REST: look.hides_rest or None}


def arrange_heads(opened: Opened, ids: Ids, layers: tuple[int, ...] | None, scores: Scores | None) -> Arrangement:
    """Return what the grid can be sorted and filtered by. scores: on the probe set; None until they are computed."""
    from gpt.lens.sink import REST

    return Arrangement(scores or {}, first_token_weights(opened, ids, layers), REST)


@cached(max_entries=64)
def first_token_weights(opened: Opened, ids: Ids, layers: tuple[int, ...] | None) -> np.ndarray:
    """Return each head's mean weight on the first token: (n_layer, n_head), NaN for layers that are not drawn."""
    import torch

    from gpt.lens.sink import first_token_weight

    weights = np.full((opened.config.n_layer, opened.config.n_head), np.nan)
    for layer, patterns in record(opened, ids, layers).patterns.items():
        weights[layer] = first_token_weight(torch.from_numpy(patterns)).numpy()
    return weights
