"""The averaging trick: the same means by two loops, by a matrix product, and by a softmax."""

from functools import partial

import streamlit as st
import torch

from explorer.figures.matrix import number_grid
from explorer.lecture.kit.controls import (
    REPEATS,
    after_guess,
    chapter,
    choose,
    editable,
    guess,
    metrics,
    seconds,
    show_code,
    unroll,
)
from explorer.shared import widgets
from explorer.shared.chart import chart
from gpt import lecture

B, T, C = 4, 8, 2  # the lecture's
SIZE = 4  # of the matrices that are edited
TIMED = (32, 64, 16)  # B, T, C
GUESSES = ("2 ×", "10 ×", "100 ×", "1,000 ×", "10,000 ×")


def toy(seed: int) -> torch.Tensor:
    """Numbers to average, (B, T, C)."""
    return torch.randn(B, T, C, generator=torch.Generator().manual_seed(seed))


def loops(x: torch.Tensor) -> None:
    """Version 1, step by step: each row of the output fills as its average is taken."""
    if not chapter(
        "Version 1: two loops",
        "0:42:13",
        f"Step through the loops. x holds {B} sequences of {T} tokens with {C} numbers each; every token becomes the mean of itself "
        "and all tokens before it.",
    ):
        return
    steps = list(lecture.averaging_steps(x))

    def draw(at: int) -> None:
        b, t, mean = steps[at]
        filled = torch.full_like(x[b], torch.nan)
        for row, column, value in steps[: at + 1]:
            if row == b:
                filled[column] = value
        top = float(x.abs().max())
        left, right = st.columns(2, gap="medium")
        read = [(row, column) for row in range(t + 1) for column in range(C)]
        with left:
            st.markdown(f"**x[{b}]**, with the tokens that are averaged now")
            chart(
                number_grid(x[b].numpy(), rows="token", columns="feature", marked=read, top=top),
                key="loops:x",
                alt="What is averaged",
            )
        with right:
            st.markdown(f"**out[{b}]**, as far as it is filled")
            written = [(t, column) for column in range(C)]
            figure = number_grid(filled.numpy(), rows="token", columns="feature", marked=written, top=top)
            chart(figure, key="loops:out", alt="The averages so far")
        values = ", ".join(f"{value:.2f}".replace("-", "−") for value in mean.tolist())
        st.caption(f"b = {b}, t = {t}: the mean of {t + 1} token{'s' if t else ''} is ({values}).")

    unroll("averaging", len(steps) - 1, draw)
    show_code(lecture.averaging_steps, lecture.average_v1)


def products(x: torch.Tensor) -> None:
    """The trick: which matrix sums, which averages, and that only the lower triangle keeps the future out."""
    if not chapter(
        "The trick: a matrix product is a weighted sum",
        "0:47:11",
        "Change the weights on the left. Each row says how much of every token goes into one token of the product.",
    ):
        return
    kinds = {
        "ones": torch.ones(SIZE, SIZE),
        "lower triangle": torch.ones(SIZE, SIZE).tril(),
        "lower triangle, rows sum to 1": lecture.masked_softmax(torch.zeros(SIZE, SIZE)),
    }
    kind = choose("Start from", kinds, "lower triangle", "start")
    first, second, third = st.columns([4, 3, 3], gap="medium")
    with first:
        st.markdown("**weights** (edit me)")
        edited = editable(kinds[kind], f"trick:{kind}")
    part = x[0, :SIZE]
    with second:
        st.markdown("**x**")
        chart(number_grid(part.numpy(), rows="token", columns="feature"), key="trick:x", alt="x")
    with third:
        st.markdown("**weights @ x**")
        chart(
            number_grid((edited @ part).numpy(), rows="token", columns="feature"),
            key="trick:product",
            alt="weights times x",
        )
    sums = ", ".join(f"{value:g}" for value in edited.sum(1).tolist())
    ahead = (
        "Some weight is above the diagonal: a token reads from its future."
        if edited.triu(1).any()
        else "No token reads from its future."
    )
    st.caption(f"The rows sum to {sums} (the cells show three digits). {ahead}")


def compared(x: torch.Tensor) -> None:
    """Version 2 against version 1: their largest difference, and the time that each takes."""
    if not chapter(
        "Version 2: the product, for the whole batch",
        "0:51:54",
        f"First guess: at {TIMED[0]} sequences of {TIMED[1]} tokens, how much faster is the product than the loops?",
    ):
        return
    outs = {"v1": lecture.average_v1(x), "v2": lecture.average_v2(x)}
    difference = (outs["v1"] - outs["v2"]).abs().max().item()
    for column, (name, out) in zip(st.columns(2, gap="medium"), outs.items(), strict=True):
        with column:
            st.markdown(f"**{name}**, its averages of x[0]")
            chart(
                number_grid(out[0].numpy(), rows="token", columns="feature"),
                key=f"compared:{name}",
                alt=f"What {name} computes",
            )
    guessed = guess("averaging:v2", "The product is faster by about", GUESSES)
    names = ("Largest difference, v1 and v2", "v1, two loops", "v2, one product", "Faster by")
    values = [f"{difference:.1e}", "?", "?", "?"]
    if guessed is not None:
        large = torch.randn(TIMED)
        slow, fast = seconds(partial(lecture.average_v1, large), partial(lecture.average_v2, large))
        values[1:] = [f"{1000 * slow:.3g} ms", f"{1000 * fast:.3g} ms", f"≈ {slow / fast:,.0f} ×"]
    metrics(dict(zip(names, values, strict=True)))
    timed = (
        f"{after_guess(guessed or '')}Times are the shortest of {REPEATS}, on one thread of this machine, just now. "
    )
    st.caption(f"{'' if guessed is None else timed}The difference is rounding: the sums are taken in another order.")
    show_code(lecture.average_v1, lecture.average_v2)


def softmaxed(x: torch.Tensor) -> None:
    """Version 3: the weights from scores, a mask and a softmax; the scores can be edited."""
    if not chapter(
        "Version 3: scores, mask, softmax",
        "0:54:42",
        "Raise one score: its token takes weight from the others in its row. All scores equal is the plain average; scores that come from "
        "the tokens themselves are attention.",
    ):
        return
    columns = st.columns(3, gap="medium")
    with columns[0]:
        st.markdown("**scores** (edit me)")
        scores = editable(torch.zeros(SIZE, SIZE), "scores")
    future = ~torch.ones(SIZE, SIZE, dtype=torch.bool).tril()
    weights = lecture.masked_softmax(scores)
    shown = (
        ("after the mask: no future", scores.masked_fill(future, -torch.inf)),
        ("after the softmax: rows sum to 1", weights.masked_fill(future, torch.nan)),
    )
    for column, (title, values) in zip(columns[1:], shown, strict=True):
        with column:
            st.markdown(f"**{title}**")
            chart(number_grid(values.numpy(), rows="query", columns="key"), key=title, alt=title)
    plain = (lecture.average_v3(x) - lecture.average_v1(x)).abs().max().item()
    st.caption(
        f"With all scores 0, version 3 and version 1 differ on x by at most {plain:.1e}: the three versions are one. "
        f"At {widgets.lecture_link('0:57:00')} the video misspeaks: it is tokens from the future that cannot communicate, not those "
        "from the past."
    )
    show_code(lecture.masked_softmax, lecture.average_v3)
