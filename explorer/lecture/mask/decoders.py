"""Note 4 on attention: the mask makes the decoder. An edit with the mask and without, and a model trained with each."""

from typing import cast

import streamlit as st

from explorer.choice import Choice
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.lecture.kit.finished import last_loss
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.kit.training import draw_losses, train_together
from explorer.lecture.notes.batch import draw_effects, pick_edit
from gpt import GPT, PRESETS, Run, lecture, loss_of
from gpt.model.attention import Attention

MASK = Choice(
    "causal", bool, default=True, label="Mask (decoder)",
    help="With it, a token reads itself and earlier tokens (decoder). Without it, all tokens (encoder). Same weights.",
)  # fmt: skip
NAME, DECODER, ENCODER = "mask", "decoder, with the mask", "encoder, without"
LOSSES = {"2.5": 2.5, "2.2": 2.2, "2.0": 2.0, "1.5": 1.5, "0.5": 0.5, "nearly 0": 0.02}
RECIPES = {
    label: PRESETS["rung-6"].changed(
        about=label, causal=causal, steps=400, block_size=16, lr=4e-3, schedule="linear", final_lr=0.0, eval_every=40,
            eval_batches=20,
        snapshots=2,
    )
    for label, causal in ((DECODER, True), (ENCODER, False))
}  # fmt: skip


@chapter(
    "Note 4: the mask makes the decoder",
    "1:14:14",
    "Switch the mask off: the model has the same weights and is now an encoder. Which outputs change with the letter?",
)
def leaks() -> None:
    """Note 4: edit one token of a batch and see which outputs change, with the mask and without."""
    edit = pick_edit()
    if edit is None:
        return
    opened, idx, row, position, _ = edit
    causal = MASK.read()
    st.toggle(**MASK.bound(causal))
    effects = draw_effects(*edit, causal=causal)
    others = effects[[other for other in range(len(idx)) if other != row]].max()
    before = effects[row, :position].max() if position else 0.0
    model = cast(GPT, opened.model)
    losses = [loss_of(lecture.with_mask(model, each)(idx)[:, :-1], idx[:, 1:]).item() for each in (True, False)]
    st.caption(
        f"Largest |Δ logit|: in the other rows {others:g}, before the edit {before:.3g}. Loss on these rows with the "
        f"mask {losses[0]:.2f}, without it {losses[1]:.2f} nats: these weights were trained with the mask."
    )
    show_cell("mask/decoder", lecture.edit_effects, lecture.with_mask)


@chapter("Trained with the mask and without", "1:14:14")
def cheating() -> None:
    """Note 4 in training: without the mask, the model can read the answer."""
    guessed = guess("notes:cheating", "Without the mask, the loss falls to", LOSSES)
    if guessed is None:
        return
    recipe = RECIPES[DECODER]
    show_verdict("notes:cheating", guessed, last_loss(NAME, ENCODER), LOSSES)
    about = f"The same model of {recipe.model.n_layer} blocks twice, {recipe.steps} steps each."
    train_together(NAME, RECIPES, _cheated, about=about)
    show_cell("mask/cheating", Attention._mask)


def _cheated(runs: dict[str, Run]) -> None:
    draw_losses(NAME, runs, list(RECIPES), "notes:cheated")
    st.caption(
        "Without the mask, the model reads the next token, so the loss does not measure prediction. The rest of the "
        f"loss comes from the last of the {RECIPES[ENCODER].model.block_size} tokens: its next token is not in the "
        "row. New text begins there, and this model has not learned to write it. Encoders are trained to fill gaps, "
        "or to read for a decoder."
    )
