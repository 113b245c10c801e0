"""How far attention patterns differ: the total variation distance between the rows of two patterns.

Source: Levin, Peres and Wilmer 2009, "Markov Chains and Mixing Times", section 4.1.
"""

from torch import Tensor


def moved_weight(before: Tensor, after: Tensor) -> Tensor:
    """Return the share of its weight that each head has moved, as the mean over its queries: (…, T, S) → (…).

    The share of one row is half the sum of |after − before|: 0 where the rows are equal, 1 where they share no key.
    before, after: patterns of one shape, whose rows sum to 1. Rows with a NaN on either side do not count.
    Raises ValueError for different shapes, or patterns without a cell.
    """
    if before.shape != after.shape or before.dim() < 2 or 0 in before.shape[-2:]:
        shapes = f"{tuple(before.shape)} and {tuple(after.shape)}"
        raise ValueError(f"the patterns have shapes {shapes}; pass two of one shape, (…, T, S) with nothing empty")
    return ((after - before).abs().sum(-1) / 2).nanmean(-1)


def rank_heads(moved: Tensor) -> list[tuple[int, int]]:
    """Return all (layer, head) pairs, those that moved most first. moved: (n_layer, n_head); a NaN comes last."""
    order = moved.flatten().nan_to_num(-1).argsort(descending=True, stable=True)
    return [divmod(place, moved.shape[1]) for place in order.tolist()]
