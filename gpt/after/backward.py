"""Backpropagation by hand: a graph of numbers or matrices, and the gradient of each, from the loss back.

Source: Rumelhart et al. 1986, Learning representations by back-propagating errors; as a graph of small nodes: Karpathy
2022, The spelled-out intro to neural networks and backpropagation: building micrograd.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from gpt.lecture import masked_softmax


@dataclass(frozen=True)
class Node:
    """A number or matrix of the graph: how it is computed, and what it passes back."""

    name: str
    value: Tensor
    formula: str = "given"
    inputs: tuple["Node", ...] = ()
    rules: tuple[str, ...] = ()  # for each input: what it gets of this node's gradient, in words
    pass_back: Callable[[Tensor], tuple[Tensor, ...]] = lambda gradient: ()  # this node's gradient → each input's share


@dataclass(frozen=True)
class Share:
    """One part of a node's gradient: the part that a node computed from it passes back."""

    giver: str
    rule: str
    amount: Tensor


def exponential(z: Node, name: str) -> Node:
    """Return e to the power of z."""
    value = z.value.exp()
    return Node(
        name, value, f"exp {z.name}", (z,), (f"gradient of {name} × {name}",), lambda gradient: (gradient * value,)
    )


def add(parts: Sequence[Node], name: str) -> Node:
    """Return the sum of the parts."""
    value = reduce(torch.add, [part.value for part in parts])
    formula, count = " + ".join(part.name for part in parts), len(parts)
    return Node(
        name,
        value,
        formula,
        tuple(parts),
        count * (f"gradient of {name}, unchanged",),
        lambda gradient: count * (gradient,),
    )


def divide(e: Node, s: Node, name: str) -> Node:
    """Return e / s."""
    value = e.value / s.value
    rules = (f"gradient of {name} × 1/{s.name}", f"gradient of {name} × −{name}/{s.name}")
    return Node(
        name, value, f"{e.name} / {s.name}", (e, s), rules,
        lambda gradient: (gradient / s.value, -gradient * value / s.value),
    )  # fmt: skip


def minus_log(p: Node, name: str) -> Node:
    """Return −ln p."""
    return Node(
        name,
        -p.value.log(),
        f"−ln {p.name}",
        (p,),
        (f"gradient of {name} × −1/{p.name}",),
        lambda gradient: (-gradient / p.value,),
    )


def multiply(a: Node, b: Node, name: str) -> Node:
    """Return the matrix product a @ b, (n, m) @ (m, k)."""
    rules = (f"gradient of {name} @ {b.name}ᵀ", f"{a.name}ᵀ @ gradient of {name}")
    return Node(
        name, a.value @ b.value, f"{a.name} @ {b.name}", (a, b), rules,
        lambda gradient: (gradient @ b.value.T, a.value.T @ gradient),
    )  # fmt: skip


def score(q: Node, k: Node, name: str) -> Node:
    """Return the scaled scores q @ kᵀ / √d of q and k (T, d): (T, T)."""
    scale = 1 / math.sqrt(q.value.size(1))
    rules = (f"gradient of {name} @ {k.name} / √d", f"(gradient of {name})ᵀ @ {q.name} / √d")
    return Node(
        name, q.value @ k.value.T * scale, f"{q.name} @ {k.name}ᵀ / √d", (q, k), rules,
        lambda gradient: (gradient @ k.value * scale, gradient.T @ q.value * scale),
    )  # fmt: skip


def weigh(scores: Node, name: str) -> Node:
    """Return the masked softmax of scores (T, T), row by row."""
    weights = masked_softmax(scores.value)
    rule = f"{name} × (gradient of {name} − its mean over the row, weighted): 0 for the future"
    return Node(
        name, weights, f"softmax of masked {scores.name}", (scores,), (rule,),
        lambda gradient: (weights * (gradient - (weights * gradient).sum(-1, keepdim=True)),),
    )  # fmt: skip


def half_square(x: Node, name: str) -> Node:
    """Return half the sum of the squares of x."""
    return Node(
        name, x.value.square().sum() / 2, f"½ · sum of {x.name}²", (x,), (f"gradient of {name} × {x.name}",),
        lambda gradient: (gradient * x.value,),
    )  # fmt: skip


def cross_entropy_graph(logits: Tensor, target: int) -> list[Node]:
    """Return the graph of softmax and cross-entropy, in the order of computation; the loss comes last.

    logits: (V,); target: the id of the right token. Source: lecture 00:22:11.
    """
    z = [Node(f"z{_below(i)}", logit) for i, logit in enumerate(logits)]
    e = [exponential(each, f"e{_below(i)}") for i, each in enumerate(z)]
    s = add(e, "s")
    p = divide(e[target], s, f"p{_below(target)}")
    return [*z, *e, s, p, minus_log(p, "loss")]


def head_graph(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> list[Node]:
    """Return the graph of one attention head and a loss, in the order of computation; the loss comes last.

    x: (T, C); the matrices: (C, d). The loss is half the sum of the squared outputs. Source: lecture 01:02:00.
    """
    read = Node("x", x)
    matrices = [Node(f"W_{name}", matrix) for name, matrix in zip("qkv", (w_q, w_k, w_v), strict=True)]
    q, k, v = (multiply(read, matrix, name) for matrix, name in zip(matrices, "qkv", strict=True))
    scores = score(q, k, "scores")
    weights = weigh(scores, "weights")
    out = multiply(weights, v, "out")
    return [read, *matrices, q, k, v, scores, weights, out, half_square(out, "loss")]


@torch.no_grad()
def backpropagate(nodes: Sequence[Node]) -> dict[str, list[Share]]:
    """Return the shares of every node's gradient: name → shares, which sum to the gradient.

    nodes: a graph in the order of computation; the last one is the loss, whose gradient is 1.
    """
    shares: dict[str, list[Share]] = {node.name: [] for node in nodes}
    loss = nodes[-1]
    shares[loss.name].append(Share(loss.name, "the loss grows as itself", torch.ones_like(loss.value)))
    for node in reversed(nodes):
        amounts = node.pass_back(total(shares[node.name]))
        for given, rule, amount in zip(node.inputs, node.rules, amounts, strict=True):
            shares[given.name].append(Share(node.name, rule, amount))
    return shares


def total(shares: Sequence[Share]) -> Tensor:
    """Return the gradient: the sum of its shares."""
    return reduce(torch.add, [share.amount for share in shares])


def autograd_difference(nodes: Sequence[Node]) -> float:
    """Return the largest difference between the gradients by hand and torch's, over all nodes.

    The graph was computed from values that require a gradient.
    """
    by_hand = backpropagate(nodes)
    by_torch = torch.autograd.grad(nodes[-1].value, [node.value for node in nodes], retain_graph=True)
    differences = [
        (total(by_hand[node.name]) - expected).abs().max() for node, expected in zip(nodes, by_torch, strict=True)
    ]
    return float(torch.stack(differences).max())


def depths(nodes: Sequence[Node]) -> dict[str, int]:
    """Return how many computations each node is after the given values: name → depth."""
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.name] = 1 + max((depth[given.name] for given in node.inputs), default=-1)
    return depth


def _below(i: int) -> str:
    """Write a small number below the line: 1 → ₁."""
    return str(i).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
