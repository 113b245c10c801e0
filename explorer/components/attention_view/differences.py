"""The difference B − A of two sets of patterns, in the codes that the attention view sends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np

from explorer.components.attention_view.encoding import AT_ONCE, Encoded, bytes_of, existing, shrink
from explorer.components.attention_view.packing import shorten
from explorer.figures.style import difference_scale

ReadLayer = Callable[[int], np.ndarray]  # layer → (n_head, T, T) weights

ZERO, GRADES = 128, 127  # a small code is ZERO + GRADES · ∛difference
BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # of the colour scale


@dataclass(frozen=True, kw_only=True)
class Difference(Encoded):
    """Two sets of patterns of one shape as the view sends them. Make one with `encode_difference`.

    `full` and `mean` have the weights of A's heads, then of B's: (2 · n_head, T, T). The codes in `small` are signed.
    """

    single: ClassVar[bool] = False
    read_sides: tuple[ReadLayer, ReadLayer]  # A's weights and B's
    moved: np.ndarray  # (n_layer, n_head) share of its weight that each head has moved; NaN where it is not drawn
    top: float  # the difference with the full colour, of `BOUNDS`
    other_tokens: tuple[str, ...] | None  # B's, where they differ from A's

    def sides(self, layer: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights of a layer's heads in A and in B, each (n_head, T, T)."""
        before, after = (read(layer) for read in self.read_sides)
        return before, after

    def at_once(self) -> "Difference":
        """Return the same difference with all full codes, however many."""
        return replace(self, small=None, mean=None, stamp="")

    def header(self) -> dict[str, Any]:
        moved = [[None if np.isnan(share) else round(float(share), 4) for share in row] for row in self.moved]
        tokens = None if self.other_tokens is None else shorten(self.other_tokens)
        scale = {theme: difference_scale(self.top, on_dark=theme == "dark") for theme in ("light", "dark")}
        return {"scale": scale, "difference": {"moved": moved, "tokens": tokens}}


def encode_difference(
    before: ReadLayer,
    after: ReadLayer,
    moved: np.ndarray,
    *,
    causal: bool,
    layers: Sequence[int] | None = None,
    other_tokens: tuple[str, ...] | None = None,
) -> Difference:
    """Encode the difference of two sets of patterns, A (before) and B (after). They are read layer by layer.

    moved: (n_layer, n_head), from `gpt.lens.difference`. layers: those that are drawn (None: all).
    """
    drawn = tuple(range(len(moved)) if layers is None else layers)
    largest, small, total = 0.0, [], np.zeros(())
    for layer in drawn:
        sides = before(layer), after(layer)
        difference = sides[1] - sides[0]
        largest = max(largest, float(np.abs(difference).max()))
        if 2 * bytes_of(difference.shape, len(drawn), causal) > AT_ONCE:
            small.append(_shrink_layer(difference, causal))
            total = total + np.concatenate(sides)
    mean = total / len(drawn) if small else None
    if mean is not None:
        small.append(_shrink_layer(np.subtract(*np.split(mean, 2)[::-1]), causal))
    codes = np.stack(small) if small else None
    place, head = np.unravel_index(np.nanargmax(moved), moved.shape)
    return Difference(
        shape=(len(moved), *before(drawn[0]).shape),
        causal=causal,
        layers=drawn,
        full=lambda layer: np.concatenate((before(layer), after(layer))),
        opening=(int(place), int(head)),
        small=codes,
        mean=mean,
        stamp="" if codes is None else blake2b(codes.tobytes(), digest_size=8).hexdigest(),
        read_sides=(before, after),
        moved=moved,
        top=next(bound for bound in BOUNDS if largest <= bound or bound == BOUNDS[-1]),
        other_tokens=other_tokens,
    )


def _shrink_layer(difference: np.ndarray, causal: bool) -> np.ndarray:
    """Return the small codes of a layer's heads and of their average: (n_head + 1, cells) uint8.

    A cell has the difference that is farthest from 0.
    """
    averaged = np.concatenate((difference, difference.mean(0, keepdims=True)))
    more, less = shrink(averaged), shrink(-averaged)
    farthest = np.where(more >= less, more, -less)
    return np.rint(ZERO + GRADES * np.cbrt(existing(farthest, causal))).astype(np.uint8)
