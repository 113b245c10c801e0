"""What the lecture's comparisons share: losses on one plot, a model before its first step, and held-out text to measure it on."""

from collections.abc import Sequence

import streamlit as st
import torch
from torch import Tensor

from explorer.figures import style
from explorer.figures.race import Racer, race_curves
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.train.curves import series
from gpt import GPT, Recipe, Run, build_model, load_corpus

CURVES = 520  # pixels for curves and their caption


def untrained(recipe: Recipe) -> GPT:
    """The model as this training begins with it."""
    vocab_size = texts.characters(load_corpus(recipe.text).text).vocab_size
    torch.manual_seed(recipe.seed)
    return build_model(recipe.changed(vocab_size=vocab_size).model).eval().requires_grad_(False)


def held_out(recipe: Recipe, rows: int) -> Tensor:
    """The first stretches of the held-out text, (rows, block_size + 1): what to read, and what comes after each token."""
    _, ids = texts.halves(load_corpus(recipe.text).text)
    length = recipe.model.block_size + 1
    return ids[: rows * length].view(rows, length)


def losses_together(runs: dict[str, Run], labels: Sequence[str], key: str) -> None:
    """The curves of the runs that have any, each in its label's colour; an empty state before the first. key: of the chart."""
    if not runs:
        widgets.empty_state("There is no curve yet.", "Press *Train*; the losses are drawn here as they fall.", CURVES)
        return
    racers = []
    for label, color in zip(labels, style.OKABE_ITO, strict=False):
        rows = runs[label].metrics() if label in runs else []
        racers.append(Racer(label, color, series(rows, "train_loss"), series(rows, "val_loss")))
    end = max(run.recipe.steps for run in runs.values())
    chart(race_curves(racers, unit="steps", end=end), key=key, alt=f"Losses of {', '.join(labels)} over the steps")
    st.caption(
        "Thick: validation loss; thin: the running mean of the training loss. The axis begins where they can be told apart."
    )
