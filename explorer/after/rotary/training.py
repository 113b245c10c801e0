"""Rotary positions in training: the fourth curve beside none, sinusoidal and learned."""

import streamlit as st

from explorer.lecture import positions
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.lecture.kit.training import draw_losses, train_together
from gpt import Run
from gpt.model.attention import Attention

NAME, ROTARY = "rotary", "rotary"
RECIPES = {ROTARY: positions.RECIPES["none"].changed(about="Positions: rotary", positions="rotary")} | {
    kind: positions.RECIPES[kind] for kind in ("learned", "sinusoidal", "none")
}
MEASURED = {ROTARY: 2.02} | {kind: positions.MEASURED[kind] for kind in ("learned", "sinusoidal", "none")}


@chapter(
    "The fourth curve", "rotary", "Train four models that differ only in their positions. Which has the lowest loss?"
)
def training() -> None:
    """The same small model with rotary, learned and sinusoidal positions, and without."""
    recipe = RECIPES[ROTARY]
    about = (
        f"{len(RECIPES)} models of {recipe.model.n_layer} blocks, {recipe.steps} steps each, on contexts of "
        f"{recipe.model.block_size} characters: together about half a minute on two cores."
    )
    train_together(NAME, RECIPES, _losses, about=about)
    show_cell("rotary/head", Attention.forward)


def _losses(runs: dict[str, Run]) -> None:
    draw_losses(NAME, runs, list(RECIPES), "rotary:losses")
    reached = ", ".join(f"{label} {loss:.2f}" for label, loss in MEASURED.items())
    st.caption(
        f"Measured: validation losses in nats a character, the mean of {len(positions.SEEDS)} seeds: {reached}. Rotary "
        "positions need no parameters, and they change queries and keys only: the residual stream has the tokens."
    )
