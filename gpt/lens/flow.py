"""Attention through all layers: which input tokens can reach a token of a later layer."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

SPENT = 1e-10  # of a row that sums to 1; less counts as 0
FAR = np.iinfo(np.int32).max // 2  # the distance of a node that cannot be reached


def mixed(patterns: Tensor) -> Tensor:
    """Return (pattern averaged over the heads + identity) / 2 for every layer: attention and the residual stream.

    patterns: (n_layer, n_head, T, T) probabilities, queries down, keys across. Returns (n_layer, T, T), whose rows sum
    to 1. Raises ValueError on another shape. Source: Abnar and Zuidema 2020, arXiv:2005.00928, section 3.
    """
    if patterns.dim() != 4 or patterns.size(2) != patterns.size(3):
        raise ValueError(f"patterns of shape {tuple(patterns.shape)} must be (n_layer, n_head, T, T)")
    return (patterns.mean(1) + torch.eye(patterns.size(2), dtype=patterns.dtype)) / 2


def rollout(patterns: Tensor) -> Tensor:
    """Return the attention rollout: the product of the `mixed` patterns up to each layer.

    patterns: (n_layer, n_head, T, T). Returns (n_layer, T, T): up to and including each layer, the share that each
    input token has in each position; rows sum to 1, and are causal if the patterns are. Values and MLPs are left out:
    rollout says where information can come from, not what the model does with it. Raises ValueError for another shape.
    Source: Abnar and Zuidema 2020, arXiv:2005.00928, section 3.
    """
    reached = torch.eye(patterns.size(-1), dtype=patterns.dtype)
    through = []
    for layer in mixed(patterns):
        reached = layer @ reached
        through.append(reached)
    return torch.stack(through) if through else patterns.new_zeros(0, *patterns.shape[2:])


def attention_flow(patterns: Tensor, position: int) -> Iterator[float]:
    """Yield the attention flow: the most that each input token can send to `position` of the last layer.

    The `mixed` patterns are pipes, from each key to each query one layer up, and a weight is what its pipe can carry.
    Every token is given all pipes to itself, so the flows do not sum to 1; each is at least its rollout and at most 1.
    patterns: (n_layer, n_head, T, T); those up to a layer give the flow up to it. Yields T numbers. Raises ValueError
    for another shape, no layers, or a position that does not exist. Source: Abnar and Zuidema 2020, arXiv:2005.00928,
    section 3.
    """
    pipes = mixed(patterns).double().cpu().numpy()
    n_layer, T = pipes.shape[:2]
    if not n_layer or not 0 <= position < T:
        raise ValueError(f"there is no position {position} above {n_layer} layers of {T} tokens to flow to")
    causal = not np.triu(pipes, 1).any()
    for token in range(T):
        low, high = (token, position + 1) if causal else (0, T)  # no token on the way is before this one
        yield _max_flow(pipes[:, low:high, low:high], position - low, token - low) if token < high else 0.0


def _max_flow(capacities: np.ndarray, source: int, sink: int) -> float:
    """Return the most that can flow from `source` of the top level down to `sink` of level 0.

    capacities: (n, T, T), row: above, column: below.

    Push–relabel (Goldberg and Tarjan 1988): the excess of a node goes to nodes one step nearer the sink, and also up
    again where an edge can take back its flow. Nodes of a level have no edges among them, so they push together.
    """
    n = len(capacities)
    down, up = capacities.copy(), np.zeros_like(capacities)  # what each edge can still carry; what it can take back
    down[0, :, np.arange(down.shape[2]) != sink] = 0
    excess = np.zeros((n, down.shape[1]))
    excess[-1] = down[-1, source]  # the source gives all it can
    while True:
        distance = _distances(down[:-1], up[:-1], sink)
        waiting = distance[(excess > SPENT) & (distance < FAR)].max(initial=0)
        if not waiting:
            return float(excess[0, sink])
        for steps in range(waiting, 0, -1):
            for level in range(n):
                pushing = np.flatnonzero((excess[level] > SPENT) & (distance[level] == steps))
                if level and len(pushing):
                    nearer = np.flatnonzero(distance[level - 1] == steps - 1)
                    _push(excess, level, level - 1, down[level - 1], up[level - 1], pushing, nearer)
                if level + 1 < n and len(pushing):
                    nearer = np.flatnonzero(distance[level + 1] == steps - 1)
                    _push(excess, level, level + 1, up[level].T, down[level].T, pushing, nearer)


def _push(
    excess: np.ndarray, level: int, to: int, room: np.ndarray, back: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> None:
    """Send the excess of these nodes along all edges to the level `to`, in proportion to their room."""
    edges = np.ix_(rows, columns)
    open_ = room[edges]
    share = np.minimum(1, excess[level, rows] / np.maximum(open_.sum(1), SPENT))
    sent = open_ * share[:, None]
    room[edges] -= sent
    back[edges] += sent
    excess[level, rows] -= sent.sum(1)
    excess[to, columns] += sent.sum(0)


def _distances(down: np.ndarray, up: np.ndarray, sink: int) -> np.ndarray:
    """Return the steps from every node to the sink along open edges, (n, T); FAR if there is no path."""
    n, T = len(down) + 1, down.shape[1]
    distance = np.full((n, T), FAR)
    distance[0, sink] = 0
    before = None
    while before is None or (distance != before).any():
        before = distance.copy()
        for level in range(1, n):
            below = np.where(down[level - 1] > SPENT, distance[level - 1], FAR).min(1) + 1
            distance[level] = np.minimum(distance[level], below)
        for level in range(n - 2, -1, -1):
            above = np.where(up[level] > SPENT, distance[level + 1][:, None], FAR).min(0) + 1
            distance[level] = np.minimum(distance[level], above)
    return distance
