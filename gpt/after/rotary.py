"""Rotary positions by hand: a query and a key are turned by their positions, two features at a time.

Source: Su et al. 2021, arXiv:2104.09864.
"""

import torch
from torch import Tensor


def turn(x: Tensor, angles: Tensor) -> Tensor:
    """Turn pairs of features against the clock. x: (…, 2); angles: (…), radians.

    >>> turn(torch.tensor([1.0, 0.0]), torch.tensor(torch.pi / 2)).round().abs()
    tensor([0., 1.])
    """
    cos, sin = angles.cos(), angles.sin()
    first, second = x.unbind(-1)
    return torch.stack((first * cos - second * sin, second * cos + first * sin), dim=-1)


def frequencies(pairs: int, base: float = 10_000.0) -> Tensor:
    """Return the angle by which each pair turns a token: 1 radian for the first, less and less. (pairs,) float64."""
    return base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)


def score(q: Tensor, k: Tensor, q_position: int, k_position: int, speeds: Tensor) -> float:
    """Return q · k after both are turned by their positions. q, k: (pairs, 2); speeds: (pairs,), radians a token."""
    return float((turn(q, q_position * speeds) * turn(k, k_position * speeds)).sum())


def scores_by_distance(q: Tensor, k: Tensor, speeds: Tensor, distances: Tensor) -> Tensor:
    """Return q · k at each distance, (number of distances,): only q is turned, by the distance.

    q, k: (pairs, 2); speeds: (pairs,), radians a token; distances: position of q − position of k.
    """
    turned = turn(q, distances[:, None] * speeds)  # (number of distances, pairs, 2)
    return (turned * k).sum((-1, -2))
