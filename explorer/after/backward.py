"""Backpropagation by hand: the graph of a loss, or of one head, and its gradients node by node."""

from collections.abc import Sequence
from functools import partial

import streamlit as st
import torch
from torch import Tensor

from explorer.choice import Choice, choose
from explorer.components.graph import Box, Rows, graph
from explorer.lecture.kit.controls import WALK, chapter, editable, metrics, pick, show_cell, unroll
from explorer.lecture.kit.exercise import ask_number
from explorer.shared import widgets
from gpt.after.backward import (
    Node,
    Share,
    autograd_difference,
    backpropagate,
    cross_entropy_graph,
    depths,
    head_graph,
    total,
)  # fmt: skip

LOSS, HEAD = "cross-entropy", "one head"
GRAPH = Choice("graph", options=(LOSS, HEAD), default=LOSS, label="Graph")
TARGET = Choice("target", options=(0, 1, 2), default=1, label="Right token")
LOGITS = [[1.0, 2.0, 0.5]]
X = [[1.0, 0.0], [0.5, 1.0], [-1.0, 0.5]]
MATRICES = [[[1.0, 0.5], [0.0, 1.0]], [[0.5, -1.0], [1.0, 0.5]], [[1.0, 0.0], [-0.5, 1.0]]]  # W_q, W_k, W_v
LARGEST = 20.0  # of the numbers that the person edits: e to the power of 1000 is no number
MICROGRAD = "https://www.youtube.com/watch?v=VMj-3S1tku0"


@chapter(
    "From the loss back to every number",
    "backward",
    "First predict one gradient. Then step: at each step, one node gets its gradient from the nodes that were "
    "computed from it. Click a node to jump to it.",
)
def by_hand() -> None:
    """A graph with its values; each step reveals the gradient of one more node."""
    kind, values, target = _controls()
    nodes = _nodes(kind, values, target)
    shares = backpropagate(nodes)
    is_over = _predict_logit(shares, values, target) if kind == LOSS else _predict_future(shares, values)
    hidden = None if is_over else _other(target) if kind == LOSS else "scores"
    order = [node.name for node in reversed(nodes)]
    unroll("backward", len(order), partial(_draw, nodes, shares, order, hidden))
    difference = autograd_difference(nodes)
    metrics({"Largest difference from torch's autograd": f"{difference:.0e}" if difference else "0"})
    st.caption(
        "The difference is rounding, over all nodes. One walk back gives every gradient: it costs about as much as "
        "two forward passes, however many numbers the model has."
    )
    if kind == LOSS and is_over:
        st.caption(_p_minus_y(nodes, target))
    st.caption(
        f"Sources: Rumelhart, Hinton and Williams 1986; the [micrograd lecture]({MICROGRAD}) builds such a graph from "
        "nothing."
    )
    if kind == LOSS:
        show_cell("backward/by hand", backpropagate, cross_entropy_graph)
    else:
        show_cell("backward/head", backpropagate, head_graph)


def _controls() -> tuple[str, Tensor, int]:
    """The graph, the numbers that it starts from, and the right token."""
    kind, target = GRAPH.read(), TARGET.read()
    left, right = st.columns(2, gap="medium")
    with left:
        options: dict = {"required": True, "options": list(GRAPH.options or ())}
        st.segmented_control(**options, **GRAPH.bound(kind, along={WALK: None}))
        if kind == LOSS:
            pick(TARGET)
    with right:
        st.markdown("**The logits z of three tokens** (edit me)" if kind == LOSS else "**x, three tokens** (edit me)")
        edited = editable(torch.tensor(LOGITS if kind == LOSS else X), f"backward:{kind}").double()
    values = edited.clamp(-LARGEST, LARGEST)
    if not torch.equal(values, edited):
        st.caption(f"Numbers are limited to ±{LARGEST:g} here.")
    return kind, values, target


def _nodes(kind: str, values: Tensor, target: int) -> list[Node]:
    values = values.requires_grad_()
    if kind == LOSS:
        return cross_entropy_graph(values[0], target)
    return head_graph(values, *torch.tensor(MATRICES, dtype=torch.float64, requires_grad=True))


def _other(target: int) -> str:
    """The name of a logit whose token is not the right one."""
    return "z₁" if target == 0 else "z₀"


def _predict_logit(shares: dict[str, list[Share]], values: Tensor, target: int) -> bool:
    """The exercise of the loss. Return whether it is over."""
    name = _other(target)
    e, s = name.replace("z", "e"), "s"
    return ask_number(
        f"backward:{values.tolist()}:{target}",
        f"What is the gradient of {name}, the logit of a wrong token?",
        total(shares[name]).item(),
        within=0.01,
        hint=f"The gradient of a logit is p − y. For a wrong token y is 0, and p is {e} / {s}.",
        why="For a wrong token the gradient is its probability: a step against it lowers this logit.",
        record="backward-logit",
        format="%.3f",
        width=420,
    )


def _predict_future(shares: dict[str, list[Share]], values: Tensor) -> bool:
    """The exercise of the head. Return whether it is over."""
    return ask_number(
        f"backward:head:{values.tolist()}",
        "What is the gradient of the score of query 0 and key 2?",
        total(shares["scores"])[0, 2].item(),
        within=0.001,
        hint="Query 0 may read token 0 only. How much does the output change if a masked score changes?",
        why="The mask hides key 2 from query 0, so its score changes nothing. No gradient comes from the future.",
        record="backward-mask",
        format="%.3f",
        width=420,
    )


def _draw(nodes: Sequence[Node], shares: dict[str, list[Share]], order: list[str], hidden: str | None, at: int) -> None:
    """The graph after `at` nodes got their gradients, and the rule of the newest."""
    known = order[:at]
    chosen = known[-1] if known else None
    depth = depths(nodes)
    columns = [
        [_box(node, shares, node.name in known, node.name == hidden) for node in nodes if depth[node.name] == column]
        for column in range(max(depth.values()) + 1)
    ]
    edges = [(given.name, node.name, given.name in known) for node in nodes for given in node.inputs]
    graph(
        columns, edges, chosen=chosen, on_pick=lambda name: choose({WALK: order.index(name) + 1}), key="backward",
        label=f"Graph of {len(nodes)} nodes",
    )  # fmt: skip
    if chosen is None:
        st.markdown("Each node has its value. The gradients come from the right: press **Next**.")
    elif chosen == hidden:
        st.markdown(f"**{chosen}**: answer the question above first, or show its answer.")
    else:
        st.markdown(_rule(chosen, shares))


def _box(node: Node, shares: dict[str, list[Share]], is_known: bool, is_hidden: bool) -> Box:
    value, gradient = _rows(node.value.detach()), None
    if is_known:
        gradient = [["?"]] if is_hidden else _rows(total(shares[node.name]))
    said = "not known yet" if gradient is None else _words(gradient)
    note = f"{node.name}, {node.formula}: value {_words(value)}, gradient {said}"
    return Box(node.name, node.formula, value, gradient, note)


def _rows(values: Tensor) -> Rows:
    return [[_number(value) for value in row] for row in torch.atleast_2d(values).tolist()]


def _words(rows: Rows) -> str:
    return "; ".join(", ".join(row) for row in rows)


def _number(value: float) -> str:
    return f"{value:z.2f}".replace("-", "−") if abs(value) < 1000 else f"{value:.1e}".replace("-", "−")


def _rule(name: str, shares: dict[str, list[Share]]) -> str:
    """How the node's gradient comes about: each share in words, and for single numbers the calculation."""
    lines = []
    for share in shares[name]:
        words = f"from **{widgets.plain(share.giver)}**: {widgets.plain(share.rule)}"
        if share.giver == name:
            words = "the gradient of the loss in itself is 1"
        elif share.amount.dim() == 0:
            gradient = total(shares[share.giver]).item()
            slope = share.amount.item() / gradient if gradient else 0.0
            words += f" = {_number(gradient)} × {_number(slope)} = {_number(share.amount.item())}"
        lines.append(words)
    added = f" The {len(lines)} shares are added." if len(lines) > 1 else ""
    return f"Gradient of **{widgets.plain(name)}**: {'; '.join(lines)}.{added}"


def _p_minus_y(nodes: Sequence[Node], target: int) -> str:
    logits = torch.stack([node.value.detach() for node in nodes if node.name.startswith("z")])
    p = logits.softmax(0)
    y = torch.nn.functional.one_hot(torch.tensor(target), len(p))
    values = {"p": p, "y": y.double(), "p − y": p - y}
    said = ", ".join(f"{name} = ({', '.join(map(_number, each.tolist()))})" for name, each in values.items())
    return (
        f"Softmax and cross-entropy together pass p − y back to the logits. {widgets.plain(said)}. Real code first "
        "subtracts the largest logit, so that no exponential overflows; the gradients stay the same."
    )
