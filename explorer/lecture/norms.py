"""LayerNorm and BatchNorm: the same numbers over another axis, running statistics, and a model trained with each."""

import streamlit as st
import torch

from explorer.choice import Choice
from explorer.lecture.kit.controls import chapter, draw_matrix, draw_table, editable, pick, show_cell
from explorer.lecture.kit.training import draw_losses, train_together, trained_model, validation_rows
from explorer.shared import widgets
from gpt import PRESETS, Run, lecture, loss_of
from gpt.lens.learning import training_mode_loss
from gpt.model.norms import BatchNorm, LayerNorm

EXAMPLES, FEATURES = 6, 4
RECIPES = {
    label: PRESETS["rung-6"].changed(
        about=f"Rung 6 with {label}", norm=norm, steps=800, lr=4e-3, schedule="linear", final_lr=0.0, eval_every=80,
            eval_batches=50,
        snapshots=2,
    )
    for label, norm in (("layernorm", "pre"), ("batchnorm", "batch"))
}  # fmt: skip
ROWS = (1, 4, 16, 64)  # that a model in training mode reads at once
NAME = "norms"
OVER = Choice("norm-over", options=("features", "batch"), default="features", label="Normalise over")
SEEN = Choice("norm-batches", int, 0, 60, default=5, label="Batches that BatchNorm has seen in training")
ONE_TOKEN = "a row depends on one token only, whatever else is in the batch"
MEANING = {"features": ONE_TOKEN, "batch": "each number depends on the other examples"}


@chapter(
    "LayerNorm and BatchNorm: the same numbers, another axis",
    "1:32:51",
    "Change a number and see which others change: those of its row, or those of its column.",
)
def axes() -> None:
    """The same activations normalised over their features or over the batch."""
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.markdown(f"**activations**: {EXAMPLES} examples of {FEATURES} features (edit me)")
        random = torch.randn(EXAMPLES, FEATURES, generator=torch.Generator().manual_seed(7))
        x = editable((2 * random + 1).round(decimals=1), "norm:activations")
    with right:
        over = pick(OVER)
        out = lecture.normalised(x, over)
        draw_matrix(f"Normalised over the {over}", out, "norms:out", rows="example", columns="feature")
    axis = 1 if over == "features" else 0
    st.caption(
        f"{'Rows' if axis else 'Columns'} have mean 0 and variance 1 now (largest |mean| "
        f"{out.mean(axis).abs().max():.0e}): {MEANING[over]}."
    )
    _in_use(x)
    show_cell("norms/layernorm", lecture.normalised, LayerNorm.forward, BatchNorm)


def _in_use(x: torch.Tensor) -> None:
    """BatchNorm with running statistics: in use, an example has no batch to normalise over."""
    seen = SEEN.read()
    st.slider(**SEEN.bound(seen))
    batchnorm, generator = BatchNorm(FEATURES, bias=True), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(seen):
            batchnorm(torch.randn(1, EXAMPLES, FEATURES, generator=generator).mul(2).add(1))
        in_training, in_use = lecture.normalised(x, "batch"), batchnorm.eval()(x[None])[0]
    gap = (in_training - in_use).abs().max().item()
    running = ", ".join(f"{value:.2f}" for value in batchnorm.running_mean.tolist())
    st.caption(
        f"After {seen} batches its running means are {running} (the features' true mean is 1, their standard "
        f"deviation 2). On your activations, its outputs in training and in use differ by up to {gap:.2f}. LayerNorm "
        "has no such gap: it needs no batch."
    )


@chapter("A model with each", "1:32:51")
def training() -> None:
    """Rung 6 of the ladder trained with either norm."""
    about = (
        f"Rung 6 of the ladder twice, {RECIPES['layernorm'].steps} steps each at a higher learning rate than the "
        "lecture's: once with layernorm before every part, once with batchnorm."
    )
    train_together(NAME, RECIPES, _compared, about=about)
    show_cell("norms/running statistics", BatchNorm._batch_statistics, training_mode_loss)


def _compared(runs: dict[str, Run]) -> None:
    draw_losses(NAME, runs, list(RECIPES), "norms:losses")
    rows = [_by_mode(label, run) for label, run in runs.items() if run.steps]
    if not rows:
        return
    draw_table(rows, 4, "norms:modes")
    st.caption(
        f"The loss on the same {max(ROWS)} rows of validation text. In use, neither norm reads other tokens. In "
        "training mode, batchnorm computes its statistics from the rows that it reads at once. With fewer rows, its "
        "loss differs more from the loss in use. These statistics also contain later tokens, so the mask is not "
        "enough to hide the future."
    )


def _by_mode(label: str, run: Run) -> dict[str, str | float]:
    """The loss in use, and in training mode by the rows read at once."""
    model, tokens = trained_model(run), validation_rows(run.recipe, max(ROWS))
    modes: dict[str, str | float] = {"norm": label, "in use": loss_of(model(tokens[:, :-1]), tokens[:, 1:]).item()}
    return modes | {f"training, {widgets.count(rows, 'row')}": training_mode_loss(model, tokens, rows) for rows in ROWS}
