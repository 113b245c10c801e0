"""Note 6, scaled attention: scores and softmax against the head size, at random and in models that train here."""

import math

import numpy as np
import streamlit as st
import torch

from explorer.choice import Choice
from explorer.lecture.kit.controls import chapter, draw_matrix, metrics, pick, show_cell
from explorer.lecture.kit.finished import finished
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.training import (
    finished_sentence,
    grey_unless,
    train_together,
    trained,
    trained_model,
    untrained,
    validation_rows,
)
from explorer.lecture.scaled.figures import two_lines
from explorer.shared.chart import chart
from gpt import GPT, PRESETS, Recipe, Run, lecture
from gpt.lens.learning import AttentionStatistics, attention_statistics
from gpt.model.attention import Attention

SIZES = (4, 8, 16, 32, 64, 128)
KEYS = 32  # in a row of scores
SCORES, SHARPER = (0.1, -0.2, 0.3, -0.2, 0.5), 8  # the lecture's row, and its factor
LARGEST = {each: float(each) for each in ("0.05", "0.2", "0.5", "0.8", "1.0")}
ROWS = 16  # of validation text
TWINS = {"with the scale": True, "without": False}
BEFORE, AFTER = "before training", "after it"
HEAD_SIZE = Choice("scaled-size", options=SIZES, default=64, label="Head size")
MEASURED = Choice("scaled-when", options=(BEFORE, AFTER), default=BEFORE, label="Measured")
QUANTITIES = {
    "variance": "variance of the scores",
    "entropy": "entropy of a row, as a share of uniform attention's",
    "q_gradient": "gradient norm of the query matrix",
    "k_gradient": "gradient norm of the key matrix",
}


@chapter(
    "Note 6: why scores are divided by √(head size)",
    "1:16:56",
    "Queries and keys here are random numbers of variance 1.",
    f"First guess: without the scale, how large is the largest of {KEYS} weights in a row, at head size {SIZES[-1]}?",
)
def saturation() -> None:
    """Show that the scores' variance grows with the head size and saturates the softmax, without the scale √size."""
    guessed = guess("notes:scale", "The largest weight is about", LARGEST)
    if guessed is None:
        return
    means = lecture.saturation(SIZES, KEYS)
    show_verdict("notes:scale", guessed, means.largest[-1].item(), LARGEST)
    st.markdown("**The lecture's numbers**: the variance of random k, q and their products, at head size 16")
    metrics({name: f"{variance:.4f}" for name, variance in lecture.scale_example().items()})
    sizes = means.sizes.numpy()
    left, right = st.columns(2, gap="medium")
    variances = means.variance.numpy(), means.scaled_variance.numpy()
    figure = two_lines(sizes, *variances, title="variance of the scores", log=True)
    chart(figure, place=left, key="notes:variance", alt="Variance of the scores against head size")
    largest = means.largest.numpy(), means.scaled_largest.numpy()
    figure = two_lines(sizes, *largest, title="largest weight in a row, mean")
    chart(figure, place=right, key="notes:largest", alt="Largest weight in a row against head size")
    st.caption(
        f"At size {SIZES[-1]} the largest weight is {means.largest[-1]:.2f} without the scale "
        f"and {means.scaled_largest[-1]:.2f} with it, averaged over {KEYS} rows."
    )
    slopes(means)
    show_cell("scaled/scale", lecture.saturation)


@chapter("The gradient of a saturated softmax", "1:16:56")
def slopes(means: lecture.Saturation) -> None:
    """The Jacobian of one row's softmax, without the scale and with it."""
    st.markdown(
        f"The lecture's row of five scores, and the same row times {SHARPER}. How much does weight i change when "
        "score j changes? The slope is ∂pᵢ/∂sⱼ = pᵢ (δᵢⱼ − pⱼ), so the slope of a weight in its own score is p (1 − p)."
    )
    scores = torch.tensor(SCORES)
    winners = []
    rows = {f"scores × {SHARPER}": SHARPER * scores, "scores": scores}
    for column, (label, row) in zip(st.columns(2, gap="medium"), rows.items(), strict=True):
        weights = row.softmax(-1)
        winners.append(_slope(float(weights.max())))
        with column:
            title = f"{label}: the weights are {', '.join(f'{weight:.4f}' for weight in weights)}"
            axes = {"rows": "weight", "columns": "score", "top": 0.25}
            draw_matrix(title, lecture.softmax_slopes(weights), f"notes:slopes:{label}", **axes)
    without, scaled = winners
    st.caption(
        f"The largest weight's slope is {scaled}; times {SHARPER} it is {without}. A saturated softmax passes "
        f"almost no gradient, to any key. Averaged over the {KEYS} rows above, the largest weight's slope is "
        f"{means.slope[-1]:.3f} without the scale and {means.scaled_slope[-1]:.3f} with it. A slope is at most 1/4."
    )
    show_cell("scaled/saturation", lecture.softmax_slopes)


def _slope(p: float) -> str:
    """p (1 − p) with its numbers."""
    return f"{p:.4f} × {1 - p:.4f} ≈ {p * (1 - p):.4f}"


def recipes(size: int) -> dict[str, Recipe]:
    """Two recipes of one head of this size, with the scale and without: label → recipe."""
    return {
        label: PRESETS["rung-2"].changed(
            about=f"A head of {size}, {label}", n_embd=size, block_size=32, scale=scale, steps=200, eval_every=100,
            eval_batches=20,
            snapshots=10,
        )
        for label, scale in TWINS.items()
    }  # fmt: skip


@chapter("Twins that train", "1:16:56")
def twins() -> None:
    """Two models with one head, with the scale and without, over head sizes: before training, and after it."""
    left, right = st.columns(2)
    with left:
        size = pick(HEAD_SIZE)
    with right:
        measured = pick(MEASURED)
    if measured == BEFORE:
        _statistics(
            {size: {label: _measure(untrained(each), size) for label, each in recipes(size).items()} for size in SIZES}
        )
    else:
        about = (
            f"Two models with one head of {size} features and {size} features a token, "
            f"{recipes(size)['without'].steps} steps each. Every size that you train adds points to the curves."
        )
        train_together(f"twins-{size}", recipes(size), _after_training, about=about)
    show_cell("scaled/gradients", attention_statistics, Attention._explicit)


def _after_training(_: dict[str, Run]) -> None:
    """All trained pairs, whatever size is chosen."""
    pairs = {size: {label: trained(f"twins-{size}", label) for label in TWINS} for size in SIZES}
    measured = {
        size: {label: _measure(trained_model(run), size) for label, run in pair.items() if run}
        for size, pair in pairs.items()
        if all(pair.values())
    }
    if measured:
        _statistics(measured)
    else:
        _statistics({size: _finished(size) for size in SIZES}, is_own=False)


def _measure(model: GPT, size: int) -> AttentionStatistics:
    return attention_statistics(model, validation_rows(next(iter(recipes(size).values())), ROWS))


def _finished(size: int) -> dict[str, AttentionStatistics]:
    """The statistics of the finished pair of this size."""
    pair = finished(f"twins-{size}")
    return {
        label: AttentionStatistics(*(float(pair[label].series(name)[1][0]) for name in QUANTITIES)) for label in TWINS
    }


def _statistics(measured: dict[int, dict[str, AttentionStatistics]], is_own: bool = True) -> None:
    """Scores, softmax and gradients of each pair against its head size. is_own: not those of finished runs."""
    statistics = {label: [pair[label] for pair in measured.values()] for label in TWINS}
    sizes = np.array(list(measured))
    columns = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    for column, (quantity, title) in zip(columns, QUANTITIES.items(), strict=True):
        scaled, without = (np.array([getattr(each, quantity) for each in statistics[label]]) for label in TWINS)
        with column:
            st.markdown(f"**{title[:1].upper()}{title[1:]}**")
            figure = two_lines(sizes, without, scaled, title="", log=quantity != "entropy")
            chart(grey_unless(is_own, figure), key=f"twins:{quantity}", alt=f"{title} against head size")
    scaled, without = (statistics[label][-1] for label in TWINS)
    further, larger = math.sqrt(sizes[-1]), without.q_gradient / scaled.q_gradient
    st.caption(
        f"{finished_sentence(measured if is_own else ())}"
        f"Measured on {ROWS} rows of validation text. At size {sizes[-1]}, a row without the scale has "
        f"{without.entropy:.0%} of the entropy of uniform attention, with it {scaled.entropy:.0%}; at 0 one key has "
        f"all the weight. Unscaled scores move √{sizes[-1]} ≈ {further:.1f} times as far for the same step of the "
        f"weights. The query matrix's gradient without the scale is {larger:.1f} times that with it: for each unit "
        f"that a score moves, {larger / further:.2f} times as much gradient."
    )
