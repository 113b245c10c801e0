"""The averaging trick: the same means by two loops, by a matrix product, and by a softmax."""

from functools import partial

import streamlit as st
import torch

from explorer.choice import Choice
from explorer.lecture.kit import controls
from explorer.lecture.kit.controls import chapter, draw_matrix, editable, pick, show_cell, unroll
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.shared import widgets
from explorer.shared.choices import SEED
from gpt import lecture

B, T, C = 4, 8, 2  # the lecture's
SIZE = 4  # of the scores that the person edits
EXAMPLE = ((2.0, 7.0), (6.0, 4.0), (6.0, 5.0))  # the lecture's b, of seed 42
TIMED = (32, 64, 16)  # B, T, C
GUESSES = {f"{times:,} ×": times for times in (2, 10, 100, 1_000, 10_000)}
TRIANGLE, MEANS = "lower triangle", "lower triangle, rows sum to 1"
MATRIX = Choice("matrix", options=("ones", TRIANGLE, MEANS), default="ones", label="Start from")
AXES = {"rows": "token", "columns": "feature"}


def pick_seed() -> int:
    """Let the person choose the seed of x."""
    seed = SEED.read(default=1337)
    st.number_input(**SEED.bound(seed, help="Seed of the numbers in x.", width=160))
    return seed


def toy(seed: int) -> torch.Tensor:
    """Random numbers to average, (B, T, C)."""
    return torch.randn(B, T, C, generator=torch.Generator().manual_seed(seed))


@chapter(
    "Version 1: two loops",
    "0:42:13",
    f"Step through the loops. x holds {B} sequences of {T} tokens with {C} numbers each. Every token becomes the mean "
    "of itself and all tokens before it.",
)
def loops(x: torch.Tensor) -> None:
    """Version 1, step by step: each step writes one row of the output."""
    steps = list(lecture.averaging_steps(x))
    top = float(x.abs().max())

    def draw(at: int) -> None:
        b, t, mean = steps[at]
        out = torch.full_like(x[b], torch.nan)
        for row, column, value in steps[: at + 1]:
            if row == b:
                out[column] = value
        left, right = st.columns(2, gap="medium")
        read = [(row, column) for row in range(t + 1) for column in range(C)]
        with left:
            draw_matrix(f"x[{b}], with the tokens of this mean", x[b], "loops:x", marked=read, top=top, **AXES)
        with right:
            written = [(t, column) for column in range(C)]
            draw_matrix(f"out[{b}], so far", out, "loops:out", marked=written, top=top, **AXES)
        values = ", ".join(f"{value:.2f}".replace("-", "−") for value in mean.tolist())
        st.caption(f"b = {b}, t = {t}: the mean of {widgets.count(t + 1, 'token')} is ({values}).")

    unroll("averaging", len(steps) - 1, draw)
    show_cell("averaging/loops", lecture.averaging_steps, lecture.average_v1)


@chapter(
    "The trick: a matrix product is a weighted sum",
    "0:47:11",
    "Change the weights on the left. Each row says how much of every token goes into one token of the product.",
)
def products() -> None:
    """The trick: which matrix sums, which averages, and why only the lower triangle hides the future."""
    ones, b = torch.ones(len(EXAMPLE), len(EXAMPLE)), torch.tensor(EXAMPLE)
    matrices = {"ones": ones, TRIANGLE: ones.tril(), MEANS: lecture.masked_softmax(torch.zeros_like(ones))}
    kind = pick(MATRIX)
    first, second, third = st.columns([4, 3, 3], gap="medium")
    with first:
        st.markdown("**a**, the weights (edit me)")
        a = editable(matrices[kind], f"trick:{kind}")
    with second:
        draw_matrix("b, the lecture's", b, "trick:b", digits=0, **AXES)
    with third:
        draw_matrix("a @ b", a @ b, "trick:product", **AXES)
    sums = ", ".join(f"{value:g}" for value in a.sum(1).tolist())
    reads = "Some weight above the diagonal is not zero: a token reads from its future."
    future = reads if a.triu(1).any() else "No token reads from its future."
    st.caption(f"The rows sum to {sums} (the cells show three digits). {future}")
    show_cell("averaging/product")


@chapter(
    "Version 2: the product, for the whole batch",
    "0:51:54",
    "One product gives the numbers of both loops.",
    f"First guess: at {TIMED[0]} sequences of {TIMED[1]} tokens, how much faster is it?",
)
def compared(x: torch.Tensor) -> None:
    """Version 2 beside version 1: their largest difference, and the time of each."""
    outs = {"v1": lecture.average_v1(x), "v2": lecture.average_v2(x)}
    difference = (outs["v1"] - outs["v2"]).abs().max().item()
    for column, (name, out) in zip(st.columns(2, gap="medium"), outs.items(), strict=True):
        with column:
            draw_matrix(f"{name}, its averages of x[0]", out[0], f"compared:{name}", **AXES)
    answer = guess("averaging:v2", "The product is faster by about", GUESSES)
    names = ("Largest difference, v1 and v2", "v1, two loops", "v2, one product", "Faster by")
    values = [f"{difference:.1e}", "?", "?", "?"]
    timed = ""
    if answer is not None:
        large = torch.randn(TIMED)
        slow, fast = controls.seconds(partial(lecture.average_v1, large), partial(lecture.average_v2, large))
        values[1:] = [f"{1000 * slow:.3g} ms", f"{1000 * fast:.3g} ms", f"≈ {slow / fast:,.0f} ×"]
        times = f"Times are the shortest of {controls.REPEATS}, measured now on one thread of this machine. "
        timed = times
        show_verdict("averaging:v2", answer, slow / fast, GUESSES)
    controls.metrics(dict(zip(names, values, strict=True)))
    st.caption(f"{timed}The difference is rounding: the two versions add in another order.")
    show_cell("averaging/batched", lecture.average_v1, lecture.average_v2)


@chapter(
    "Version 3: scores, mask, softmax",
    "0:54:42",
    "Raise one score: its token takes weight from the others in its row. If all scores are equal, the result is the "
    "plain average. In attention, the scores come from the tokens.",
)
def softmaxed(x: torch.Tensor) -> None:
    """Version 3: weights from scores that the person can edit, a mask and a softmax."""
    columns = st.columns(3, gap="medium")
    with columns[0]:
        st.markdown("**scores** (edit me)")
        scores = editable(torch.zeros(SIZE, SIZE), "scores")
    future = ~torch.ones(SIZE, SIZE, dtype=torch.bool).tril()
    weights = lecture.masked_softmax(scores)
    matrices = {
        "after the mask: no future": scores.masked_fill(future, -torch.inf),
        "after the softmax: rows sum to 1": weights.masked_fill(future, torch.nan),
    }
    for column, (title, values) in zip(columns[1:], matrices.items(), strict=True):
        with column:
            draw_matrix(title, values, title, rows="query", columns="key")
    difference = (lecture.average_v3(x) - lecture.average_v1(x)).abs().max().item()
    st.caption(
        f"With all scores 0, version 3 and version 1 differ on x by at most {difference:.1e}: the three versions are "
        f"equal. At {widgets.lecture_link('0:57:00')} the video has a slip: it is tokens from the future that cannot "
        "communicate."
    )
    show_cell("averaging/softmax", lecture.masked_softmax, lecture.average_v3)
