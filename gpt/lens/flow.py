"""Attention followed through the layers: which of the first layer's tokens can have reached a token of a later one."""

import torch
from torch import Tensor


def rollout(patterns: Tensor) -> Tensor:
    """Attention rollout: the product, layer upon layer, of (pattern averaged over the heads + identity) / 2.

    patterns: (n_layer, n_head, T, T) probabilities, queries down, keys across. Returns (n_layer, T, T): up to and including each
    layer, the share that each token of the input has in each position; rows sum to 1, and stay causal where the patterns are.
    The identity stands for the residual stream, which carries each position on beside what attention adds; values and MLPs are
    left out, so this is where information can have come from, not what was made of it.
    Raises ValueError on another shape. Source: Abnar and Zuidema 2020, arXiv:2005.00928, section 3.
    """
    if patterns.dim() != 4 or patterns.size(2) != patterns.size(3):
        raise ValueError(f"patterns of shape {tuple(patterns.shape)} must be (n_layer, n_head, T, T)")
    reached = identity = torch.eye(patterns.size(2), dtype=patterns.dtype)
    through = []
    for pattern in patterns.mean(1):
        reached = (pattern + identity) / 2 @ reached
        through.append(reached)
    return torch.stack(through) if through else patterns.new_zeros(0, *patterns.shape[2:])
