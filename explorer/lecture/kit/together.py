"""What comparisons of models share: their losses on one plot, a model before its first step, and validation text."""

from collections.abc import Sequence
from typing import cast

import streamlit as st
import torch
from torch import Tensor

from explorer.figures import style
from explorer.figures.race import Racer, race_curves
from explorer.opened import Opened
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.train.curves import series
from gpt import GPT, Recipe, Run, build_model, load_corpus

CURVES = 520  # pixels of the curves and their caption


def untrained(recipe: Recipe) -> GPT:
    """The model with its initial weights."""
    vocab_size = texts.characters(load_corpus(recipe.text).text).vocab_size
    torch.manual_seed(recipe.seed)
    return cast(GPT, build_model(recipe.changed(vocab_size=vocab_size).model)).eval().requires_grad_(False)


def trained_model(run: Run) -> GPT:
    """The model of the run's newest snapshot."""
    return cast(GPT, Opened.of(run).model)


def validation_rows(recipe: Recipe, rows: int) -> Tensor:
    """The first chunks of the validation text, (rows, block_size + 1)."""
    _, ids = texts.halves(load_corpus(recipe.text).text)
    length = recipe.model.block_size + 1
    return ids[: rows * length].view(rows, length)


def draw_losses(runs: dict[str, Run], labels: Sequence[str], key: str) -> None:
    """Draw the runs' losses, each run in its label's colour. key: of the chart."""
    if not runs:
        widgets.empty_state("There is no curve yet.", "Press *Train* to see the losses here.", CURVES)
        return
    racers = []
    for label, color in zip(labels, style.OKABE_ITO, strict=False):
        rows = runs[label].metrics() if label in runs else []
        racers.append(Racer(label, color, series(rows, "train_loss"), series(rows, "val_loss")))
    end = max(run.recipe.steps for run in runs.values())
    chart(race_curves(racers, unit="steps", end=end), key=key, alt=f"Losses of {', '.join(labels)} over the steps")
    st.caption(
        "Thick: validation loss. Thin: running mean of the training loss. The axis leaves out the first, high losses."
    )
