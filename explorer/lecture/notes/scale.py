"""Note 6, scaled attention: what the size of a head does to scores and softmax, on random numbers and in models that train here."""

import math

import numpy as np
import streamlit as st
import torch

from explorer.figures.matrix import number_grid
from explorer.lecture.kit.controls import after_guess, chapter, choose, guess, part, show_code
from explorer.lecture.kit.together import held_out, untrained
from explorer.lecture.kit.training import train_together, trained
from explorer.lecture.notes.figures import two_lines
from explorer.shared import loading, widgets
from explorer.shared.chart import chart
from gpt import GPT, PRESETS, Recipe, Run, lecture
from gpt.lens.learning import AttentionStatistics, attention_statistics
from gpt.model.attention import Attention

SIZES = (4, 8, 16, 32, 64, 128)
KEYS = 32  # in a row of scores
FEW = 6  # keys of the row whose slopes are written out
LARGEST = ("0.05", "0.2", "0.5", "0.8", "1.0")
SEED = 1337
ROWS = 16  # of validation text
TWINS = {"with the scale": True, "without": False}
BEFORE, AFTER = "before training", "after it"
QUANTITIES = {
    "variance": "variance of the scores",
    "entropy": "entropy of a row, as a share of even attention's",
    "q_gradient": "gradient norm of the query matrix",
    "k_gradient": "gradient norm of the key matrix",
}


def saturation() -> None:
    """The variance of the scores grows with the head size, and the softmax saturates, unless scores are divided by √size."""
    if not chapter(
        "Note 6: why scores are divided by √(head size)",
        "1:16:56",
        f"Queries and keys here are random numbers of variance 1. First guess: without the scale, how much of a row of {KEYS} weights does "
        f"the largest one take at head size {SIZES[-1]}?",
    ):
        return
    guessed = guess("notes:scale", "The largest weight is about", LARGEST)
    if guessed is None:
        return
    found = lecture.saturation(SIZES, KEYS)
    sizes = found.sizes.numpy()
    left, right = st.columns(2, gap="medium")
    with left:
        figure = two_lines(
            sizes, found.variance.numpy(), found.scaled_variance.numpy(), title="variance of the scores", log=True
        )
        chart(figure, key="notes:variance", alt="Variance of the scores against head size")
    with right:
        figure = two_lines(
            sizes, found.largest.numpy(), found.scaled_largest.numpy(), title="largest weight in a row, mean"
        )
        chart(figure, key="notes:largest", alt="Largest weight in a row against head size")
    st.caption(
        f"{after_guess(guessed)}At size {SIZES[-1]} the largest weight is {found.largest[-1]:.2f} without the scale and "
        f"{found.scaled_largest[-1]:.2f} with it, in the mean of {KEYS} rows."
    )
    _slopes(found)
    show_code(lecture.saturation, lecture.softmax_slopes)


def _slopes(found: lecture.Saturation) -> None:
    """The Jacobian of one row's softmax, without the scale and with it."""
    if not part("What a saturated softmax passes back", "1:16:56"):
        return
    st.markdown(
        f"How far does weight i move when score j does? One row of {FEW} random scores at head size {SIZES[-1]}: the slope "
        "∂pᵢ/∂sⱼ = pᵢ (δᵢⱼ − pⱼ), so a weight's slope in its own score is p (1 − p)."
    )
    q, k = torch.randn(2, FEW, SIZES[-1], generator=torch.Generator().manual_seed(SEED))
    scores = q[0] @ k.T
    winners = []
    for column, (label, row) in zip(
        st.columns(2, gap="medium"),
        {"q · k": scores, "q · k / √size": scores / math.sqrt(SIZES[-1])}.items(),
        strict=True,
    ):
        weights = row.softmax(-1)
        winners.append(_slope(float(weights.max())))
        with column:
            st.markdown(f"**{label}**: the weights are {', '.join(f'{weight:.2f}' for weight in weights)}")
            figure = number_grid(lecture.softmax_slopes(weights).numpy(), rows="weight", columns="score", top=0.25)
            chart(figure, key=f"notes:slopes:{label}", alt=f"Slopes of the softmax of {label}")
    without, scaled = winners
    st.caption(
        f"The largest weight's slope is {without} without the scale and {scaled} with it. A softmax that is sure passes almost nothing "
        f"back: not to the keys that lose, and not to the one that wins. In the mean of the {KEYS} rows above, the winner's slope is "
        f"{found.slope[-1]:.3f} without the scale and {found.scaled_slope[-1]:.3f} with it; a slope is at most 1/4."
    )


def _slope(p: float) -> str:
    """p (1 − p), worked out."""
    return f"{p:.4f} × {1 - p:.4f} ≈ {p * (1 - p):.4f}"


def recipes(size: int) -> dict[str, Recipe]:
    """One head of this size, with the scale and without, else equal: label → recipe."""
    return {
        label: PRESETS["rung-2"].changed(
            about=f"A head of {size}, {label}", n_embd=size, block_size=32, scale=scale, steps=200, eval_every=100, eval_batches=20,
            snapshots=10,
        )
        for label, scale in TWINS.items()
    }  # fmt: skip


def twins() -> None:
    """Two models of one head that differ by the scale alone, over head sizes: before training, and as they learn."""
    if not part("Twins that train", "1:16:56"):
        return
    left, right = st.columns(2)
    with left:
        size = choose("Head size", SIZES, 64, "size")
    with right:
        moment = choose("Measured", [BEFORE, AFTER], BEFORE, "twins")
    if moment == BEFORE:
        _statistics({size: {label: untrained(recipe) for label, recipe in recipes(size).items()} for size in SIZES})
    else:
        about = (
            f"Two models with one head of {size} features and {size} features a token, {recipes(size)['without'].steps} steps each. Every "
            "size that you train adds its points."
        )
        train_together(f"twins-{size}", recipes(size), _after_training, about=about)
    show_code(attention_statistics, Attention._explicit)


def _after_training(_: dict[str, Run]) -> None:
    """All pairs that there are, whatever size is chosen."""
    found = {size: {label: trained(f"twins-{size}", label) for label in TWINS} for size in SIZES}
    whole = {size: pair for size, pair in found.items() if all(pair.values())}
    if not whole:
        widgets.empty_state("No pair is trained yet.", "Press *Train*; each pair takes a few seconds.")
        return
    _statistics(
        {
            size: {label: loading.load_model(f"runs/{run.name}") for label, run in pair.items()}
            for size, pair in whole.items()
        }
    )


def _statistics(models: dict[int, dict[str, GPT]]) -> None:
    """Scores, softmax and gradients of each pair against its head size."""
    found: dict[str, list[AttentionStatistics]] = {
        label: [
            attention_statistics(pair[label], held_out(recipes(size)[label], ROWS)) for size, pair in models.items()
        ]
        for label in TWINS
    }
    sizes = np.array(list(models))
    columns = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    for column, (quantity, title) in zip(columns, QUANTITIES.items(), strict=True):
        scaled, without = (np.array([getattr(each, quantity) for each in found[label]]) for label in TWINS)
        with column:
            st.markdown(f"**{title[:1].upper()}{title[1:]}**")
            figure = two_lines(sizes, without, scaled, title="", log=quantity != "entropy")
            chart(figure, key=f"twins:{quantity}", alt=f"{title} against head size")
    scaled, without = (found[label][-1] for label in TWINS)
    further, larger = math.sqrt(sizes[-1]), without.q_gradient / scaled.q_gradient
    st.caption(
        f"Measured on {ROWS} rows of validation text. At size {sizes[-1]}, a row without the scale has {without.entropy:.0%} of the "
        f"entropy that even attention has, with it {scaled.entropy:.0%}; 0 is one key that takes all. Unscaled scores move √{sizes[-1]} ≈ "
        f"{further:.1f} times as far for the same step of the weights. The query matrix's gradient without the scale is {larger:.1f} times "
        f"that with it: for each unit that a score moves, {larger / further:.2f} times as much gradient."
    )
