"""The six stages of one head: from queries, keys and values to the weighted sum of the values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from torch import Tensor

from explorer.choice import Choice
from explorer.components.plot import plot
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import escaped, labels, visible
from explorer.figures.vectors import token_vectors
from explorer.lecture.head.figures import stage_strip
from explorer.lecture.kit.controls import draw_matrix
from explorer.lecture.kit.sections import link_to_chapter
from explorer.shared import widgets
from explorer.shared.chart import chart
from gpt.lecture import OneHead

STAGE = Choice("stage", int, 1, default=1, label="Stage")
STRIP = ("1 q, k, v", "2 q · k", "3 scale", "4 mask", "5 softmax", "6 sum")
NARROW = 4  # features of a vector whose numbers have room in its cells
MOST = 8  # columns of a matrix with numbers; it has a quarter of the page
HELP = {  # stage → what it computes
    1: "q, the query: what the token looks for. k, the key: what it offers. v, the value: what its readers get.",
    2: "The dot product: multiply each feature of q by the same feature of k, and add. It is large if both point "
    "the same way.",
    3: "Sums of more features vary more: for random q and k of variance 1, the variance of q · k is the number of "
    "features. Dividing by its root brings the variance back to 1, so the softmax does not saturate.",
    4: "A token from the future is the answer to the prediction, so it gets no weight.",
    5: "e to the score, divided by the sum of its row: every weight is above 0, and each row sums to 1.",
    6: "Each row is a weighted mean of the v that this token may read. The weights are its row of stage 5.",
}


@dataclass(frozen=True)
class Apart:
    """A head on a few tokens, and the token that reads."""

    tokens: Sequence[str]
    names: Sequence[str]  # of the tokens in sentences
    x: Tensor  # (T, C), what the head reads
    head: OneHead
    at: int

    @property
    def name(self) -> str:
        return widgets.plain(self.names[self.at])

    @property
    def dots(self) -> np.ndarray:
        """q · k before the scale, (T, T)."""
        return (self.head.q @ self.head.k.T).numpy()

    @property
    def masked(self) -> np.ndarray:
        """The scores, −∞ where a key is in the future, (T, T)."""
        return np.where(self.future, -np.inf, self.head.scores.numpy())

    @property
    def future(self) -> np.ndarray:
        return np.triu(np.ones((len(self.tokens), len(self.tokens)), dtype=bool), 1)

    @property
    def weights(self) -> np.ndarray:
        """The weights, NaN for keys in the future, (T, T)."""
        return np.where(self.future, np.nan, self.head.weights.numpy())

    @property
    def is_scaled(self) -> bool:
        return not np.allclose(self.dots, self.head.scores)


def draw_stage(apart: Apart, stage: int) -> None:
    """Draw a strip of the stages so far, and this stage with its numbers."""
    gap = np.full((len(apart.tokens), 1), np.nan)
    q, k, v, out = (each.numpy() for each in (apart.head.q, apart.head.k, apart.head.v, apart.head.out))
    numbers = (np.hstack([q, gap, k, gap, v]), apart.dots, apart.head.scores.numpy(), apart.masked, apart.weights, out)
    strip = stage_strip(dict(zip(STRIP, numbers, strict=True)), stage)
    with st.container(gap="xsmall", key="head-stage"):
        plot(strip, key="head:strip", alt="The stages so far, from q, k and v to the output")
        STAGES[stage - 1](apart)


def _draw_vectors(apart: Apart) -> None:
    """Stage 1: x times three matrices."""
    head, bias = apart.head, " + bias" * (len(apart.head.matrices[0]) > apart.x.size(1))
    products = f"x times three matrices{', plus a bias' * bool(bias)}"
    _headline(apart, f"1 · Every token makes a query, a key and a value: {products}", "q, k, v = x @ W", HELP[1])
    named = {f"**x**, {apart.x.size(1)} features each": ("x", apart.x)} | {
        f"**{name} = x · W_{name}{bias}**, {values.size(1)} features each": (name, values)
        for name, values in zip("qkv", (head.q, head.k, head.v), strict=True)
    }
    for column, (title, (name, values)) in zip(st.columns(4, gap="small"), named.items(), strict=True):
        with column:
            _rows(apart, name, values, title)
    if apart.x.size(1) == len(head.matrices[0]) <= NARROW:
        st.caption(_first_query(apart))
    features = [str(feature) for feature in range(apart.x.size(1))] + ["bias"] * bool(bias)
    with st.expander("The three matrices"):
        for column, name, matrix in zip(st.columns(3, gap="small"), "qkv", head.matrices, strict=True):
            title, axes = f"W_{name}, {matrix.size(0)} × {matrix.size(1)}", ("feature of x", f"feature of {name}")
            look = {"rows": axes[0], "columns": axes[1], "row_names": features, "most_numbers": MOST}
            with column:
                draw_matrix(title, matrix, f"head:W_{name}", **look)


def _draw_dots(apart: Apart) -> None:
    """Stage 2: every query with every key."""
    _headline(apart, "2 · q · k: how well each key matches each query", "wei = q @ k.T", HELP[2])
    first, second, third = st.columns([1, 1, 2], gap="medium")
    with first:
        _rows(apart, "q", apart.head.q, "**q**: what each token looks for")
    with second:
        _rows(apart, "k", apart.head.k, "**k**: what each token offers")
    with third:
        _grid(apart, 2, "**q · k**", apart.dots)
    best = int(apart.dots[apart.at].argmax())
    st.caption(
        f"For {apart.name}, the best match is {widgets.plain(apart.names[best])}: the products of "
        f"{apart.head.q.size(1)} features sum to {_number(apart.dots[apart.at, best])}."
    )


def _draw_scores(apart: Apart) -> None:
    """Stage 3: the scale, or its absence in version 4."""
    d = apart.head.q.size(1)
    division, formula = f"Divided by √{d}", "wei = wei * head_size**-0.5"
    if not apart.is_scaled:
        division, formula = f"Not divided by √{d} here", "wei = wei"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        _headline(apart, f"3 · {division}: the scores", formula, HELP[3])
        link_to_chapter("scaled-scores", icon=":material/straighten:")
    _before_and_after(apart, 3, ("q · k", apart.dots), ("the scores", apart.head.scores.numpy()))
    T, variance = len(apart.tokens), apart.dots.var()
    st.caption(
        f"The variance of all {T * T} q · k is {variance:.2f}; divided by √{d}, {variance / d:.2f}. Why divide: a sum "
        f"of {d} products varies much, and then the softmax saturates: one key gets nearly all weight. The division "
        "keeps the variance near 1."
    )


def _draw_mask(apart: Apart) -> None:
    """Stage 4: no key from the future."""
    _headline(apart, "4 · The mask: no key from the future", "wei = wei.masked_fill(tril == 0, -inf)", HELP[4])
    _before_and_after(apart, 4, ("the scores", apart.head.scores.numpy()), ("after the mask", apart.masked))
    T = len(apart.tokens)
    st.caption(f"{apart.name} reads {apart.at + 1} of {T} tokens; the scores of the other {T - 1 - apart.at} are −∞.")


def _draw_softmax(apart: Apart) -> None:
    """Stage 5: weights."""
    _headline(apart, "5 · Softmax: weights, each row sums to 1", "wei = wei.softmax(-1)", HELP[5])
    _before_and_after(apart, 5, ("after the mask", apart.masked), ("weights", apart.weights))
    row = apart.head.weights[apart.at]
    most = int(row.argmax())
    widgets.caption(
        f"Token {apart.name} gives {row[most]:.1%} of its weight to {widgets.plain(apart.names[most])}. Its row of "
        f"weights sums to {row.sum():.4f} over {widgets.count(apart.at + 1, 'token')}.",
        "1:02:00",
    )


def _draw_out(apart: Apart) -> None:
    """Stage 6: the weighted sum of v."""
    _headline(apart, "6 · The weighted sum of v: the head's output", "out = wei @ v", HELP[6])
    first, second, third = st.columns([3, 2, 2], gap="medium")
    with first:
        _grid(apart, 5, "weights", apart.weights)
    with second:
        _rows(apart, "v", apart.head.v, "**v**: what readers get")
    with third:
        _rows(apart, "out", apart.head.out, "**out = weights · v**")
    factors = zip(apart.head.weights[apart.at, : apart.at + 1], apart.head.v[: apart.at + 1, 0], strict=True)
    total = _number(apart.head.out[apart.at, 0].item())
    st.caption(f"Token {apart.name}, feature 0 of its output: {_sum(factors)} ≈ {total}.")


STAGES: tuple[Callable[[Apart], None], ...] = (
    _draw_vectors, _draw_dots, _draw_scores, _draw_mask, _draw_softmax, _draw_out,
)  # fmt: skip


def _headline(apart: Apart, title: str, formula: str, help: str) -> None:
    st.markdown(f"**{title}** · Token {apart.name} reads · `{formula}`", help=help, width="content")


def _before_and_after(apart: Apart, stage: int, before: tuple[str, np.ndarray], after: tuple[str, np.ndarray]) -> None:
    """Draw the numbers that the stage reads, and beside them, wider, those that it computes."""
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _grid(apart, stage - 1, *before)
    with right:
        _grid(apart, stage, f"**{after[0]}**", after[1])


def _grid(apart: Apart, stage: int, title: str, values: np.ndarray) -> None:
    """Draw a matrix with a row for each query and a column for each key; the row of the token has a frame."""
    st.markdown(title)
    axis = [escaped(visible(token)) for token in apart.tokens]
    marked = [(apart.at, key) for key in range(len(axis)) if np.isfinite(values[apart.at, key])]
    names = {"rows": "query", "columns": "key", "row_names": axis, "column_names": axis}
    alt = title.replace("*", "")
    chart(number_grid(values, marked=marked, **names), key=f"head:step:{stage}", alt=alt)


def _rows(apart: Apart, name: str, values: Tensor, title: str) -> None:
    """Draw a vector for each token: numbers where there is room, else colours."""
    st.markdown(title)
    if values.size(1) > NARROW:
        figure = token_vectors(values.numpy(), apart.tokens, apart.at)
    else:
        marked = [(apart.at, i) for i in range(values.size(1))]
        rows = [escaped(visible(token)) for token in apart.tokens]
        figure = number_grid(values.numpy(), rows="token", columns="feature", marked=marked, row_names=rows)
    chart(figure, key=f"head:{name}", alt=f"{name} of every token")


def _first_query(apart: Apart) -> str:
    """The first feature of the token's query, term by term."""
    factors = zip(apart.x[apart.at], apart.head.matrices[0][:, 0], strict=True)
    name, total = widgets.plain(labels(apart.tokens)[apart.at]), _number(apart.head.q[apart.at, 0].item())
    return f"Token {name}, feature 0 of its q: {_sum(factors)} ≈ {total}."


def _sum(factors) -> str:
    return " + ".join(f"{_number(float(a))} × {_number(float(b))}" for a, b in factors)


def _number(value: float) -> str:
    return f"({value:.2f})".replace("-", "−") if value < 0 else f"{value:.2f}"
