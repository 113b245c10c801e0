"""The patterns on a prompt in the codes of the attention view, computed once for all sessions."""

from dataclasses import replace
from functools import partial

import numpy as np

from explorer.components.attention_view.encoding import Encoded, encode
from explorer.opened import Opened
from explorer.shared.cache import cached
from explorer.shared.patterns import Ids, record
from explorer.shared.sink import shown_patterns


@cached(max_entries=8, shared=True)
def encode_patterns(opened: Opened, ids: Ids, layers: tuple[int, ...] | None, hides_first: bool) -> Encoded:
    """Return every head's pattern as the attention view draws it. layers: those that are drawn (None: all).

    hides_first: without the first token, renormalised. Raises ValueError as `record` does.
    """
    config, patterns = opened.config, record(opened, ids, layers).patterns
    encoded = encode(
        lambda layer: shown_patterns(patterns[layer], hides_first), config.n_layer, causal=config.causal, layers=layers
    )
    return replace(encoded, full=partial(_read_layer, opened, ids, layers, hides_first))  # the patterns are not kept


def _read_layer(opened: Opened, ids: Ids, layers: tuple[int, ...] | None, hides_first: bool, layer: int) -> np.ndarray:
    return shown_patterns(record(opened, ids, layers).patterns[layer], hides_first)
