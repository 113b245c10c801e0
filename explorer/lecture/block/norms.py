"""LayerNorm and BatchNorm: the same numbers over another axis, what is left of a batch in use, and a model trained with each."""

import streamlit as st
import torch

from explorer import state
from explorer.figures.matrix import number_grid
from explorer.lecture.kit.controls import chapter, choose, editable, part, show_code
from explorer.lecture.kit.together import held_out, losses_together
from explorer.lecture.kit.training import train_together
from explorer.shared import loading
from explorer.shared.chart import chart
from gpt import PRESETS, Run, lecture, loss_of
from gpt.lens.learning import training_mode_loss
from gpt.model.norms import BatchNorm, LayerNorm

EXAMPLES, FEATURES = 6, 4
RECIPES = {
    label: PRESETS["rung-6"].changed(
        about=f"Rung 6 with {label}", norm=norm, steps=800, lr=4e-3, schedule="linear", final_lr=0.0, eval_every=80, eval_batches=50,
        snapshots=2,
    )
    for label, norm in (("layernorm", "pre"), ("batchnorm", "batch"))
}  # fmt: skip
ROWS = (1, 4, 16, 64)  # that a model in training mode reads at once
NAME = "norms"
MOST = 60  # batches that batchnorm can have seen


def axes() -> None:
    """The same activations normalised over their features or over the batch."""
    if not chapter(
        "LayerNorm and BatchNorm: the same numbers, another axis",
        "1:32:51",
        "Change a number and see which others move: those of its row, or those of its column.",
    ):
        return
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.markdown("**activations**: 6 examples of 4 features (edit me)")
        drawn = torch.randn(EXAMPLES, FEATURES, generator=torch.Generator().manual_seed(7))
        x = editable((2 * drawn + 1).round(decimals=1), "norms")
    with right:
        over = choose("Normalise over", ["features", "batch"], "features", "over")
        out = lecture.normalised(x, over)
        names = {"rows": "example", "columns": "feature"}
        chart(number_grid(out.numpy(), **names), key="norms:out", alt=f"Normalised over the {over}")
    axis = 1 if over == "features" else 0
    told = {
        "features": "each row is one token's own affair, whoever else is in the batch",
        "batch": "each number depends on the other examples",
    }
    st.caption(
        f"{'Rows' if axis else 'Columns'} have mean 0 and variance 1 now (largest |mean| {out.mean(axis).abs().max():.0e}): {told[over]}."
    )
    _in_use(x)
    show_code(lecture.normalised, LayerNorm.forward, BatchNorm)


def _in_use(x: torch.Tensor) -> None:
    """BatchNorm has no batch to normalise over once it serves one example: it uses running statistics instead."""
    seen = 5 if state.choice("seen") is None else min(state.number("seen"), MOST)
    st.slider("Batches that BatchNorm has seen in training", 0, MOST, **state.bound("seen", seen))
    batchnorm, generator = BatchNorm(FEATURES, bias=True), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(seen):
            batchnorm(torch.randn(1, EXAMPLES, FEATURES, generator=generator).mul(2).add(1))
        normed, served = lecture.normalised(x, "batch"), batchnorm.eval()(x[None])[0]
    gap = (normed - served).abs().max().item()
    running = ", ".join(f"{value:.2f}" for value in batchnorm.running_mean.tolist())
    st.caption(
        f"After {seen} batches its running means are {running} (the features' true mean is 1, their deviation 2). On your activations its "
        f"output in training and in use differ by up to {gap:.2f}; layernorm has no such gap, since it needs no batch."
    )


def training() -> None:
    """Rung 6 of the ladder trained with either norm."""
    if not part("A model with each", "1:32:51"):
        return
    recipe = RECIPES["layernorm"]
    about = (
        f"Rung 6 of the ladder twice, {recipe.steps} steps each at a higher learning rate than the lecture's: once with layernorm "
        "before every part, once with batchnorm."
    )
    train_together(NAME, RECIPES, _compared, about=about)
    show_code(BatchNorm._batch_statistics, training_mode_loss)


def _compared(runs: dict[str, Run]) -> None:
    losses_together(runs, list(RECIPES), "norms:losses")
    rows = [_by_mode(label, run) for label, run in runs.items() if run.steps]
    if not rows:
        return
    numbers = {name: st.column_config.NumberColumn(format="%.4f") for name in rows[0] if name != "norm"}
    st.dataframe(rows, hide_index=True, column_config=numbers, key="norms:modes")
    st.caption(
        f"The loss on the same {max(ROWS)} rows of validation text. In use, neither norm looks at other tokens. In training mode, "
        "batchnorm takes its statistics from the rows that it reads at once: the fewer they are, the further it is from what it is in use. "
        "Tokens also meet later ones in these statistics, so the mask alone does not keep the future out."
    )


def _by_mode(label: str, run: Run) -> dict[str, str | float]:
    """The loss in use, and in training mode by the rows read at once."""
    model, tokens = loading.load_model(f"runs/{run.name}"), held_out(run.recipe, max(ROWS))
    found: dict[str, str | float] = {"norm": label, "in use": loss_of(model(tokens[:, :-1]), tokens[:, 1:]).item()}
    return found | {f"training, {rows} row{'s' * (rows > 1)}": training_mode_loss(model, tokens, rows) for rows in ROWS}
