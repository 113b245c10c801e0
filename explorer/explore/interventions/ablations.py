"""What each head adds to the loss when it is off: shipped, or measured once for all sessions."""

from typing import TYPE_CHECKING

import numpy as np

from explorer import measured
from explorer.opened import Identity, Opened
from explorer.shared.cache import cached

if TYPE_CHECKING:
    from torch import Tensor

    from gpt.lens.interventions import Off


def known_ablations(opened: Opened, off: "Off", ids: "Tensor") -> np.ndarray | None:
    """What each head adds to the loss on these ids when it is off: (n_layer, n_head) nats; None if not measured yet."""
    key = opened.identity, off
    if key not in _ablations() and opened.step is not None:
        _ablations()[key] = measured.known_effects(opened, off, ids)
    return _ablations().get(key)


def keep_ablations(opened: Opened, off: "Off", effects: np.ndarray) -> None:
    """Keep what was measured for everybody who looks at this model."""
    _ablations()[opened.identity, off] = effects


@cached(max_entries=1, shared=True)
def _ablations() -> dict[tuple[Identity, str], np.ndarray | None]:
    """Model and what is put in a head's place → the map, or None if it is not known."""
    return {}
