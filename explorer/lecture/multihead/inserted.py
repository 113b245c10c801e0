"""Inserting one head: rung 2 of the ladder, trained here."""

import streamlit as st

from explorer.choice import parameters
from explorer.lecture.head.panel import LABEL, MATRICES, NAME, RECIPE, TRAINED
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.lecture.kit.training import draw_loss, train_together
from explorer.navigation import PAGES
from explorer.train.panel import draw_sample
from explorer.train.progress import link_to
from gpt import Run
from gpt.model.attention import Attention


@chapter(
    "Inserting one head",
    "1:19:11",
    "The bigram reads one character. This model reads eight, through one head. Train it, and compare with the "
    "counted bigram.",
)
def inserted() -> None:
    """Rung 2: train a model whose only layer is one head."""
    about = (
        f"{RECIPE.steps:,} steps of {RECIPE.batch_size} chunks, at a higher learning rate than the lecture's, falling "
        "to zero."
    )
    train_together(NAME, {LABEL: RECIPE}, _curves_and_sample, about=about)
    show_cell("multihead/model", Attention.forward)


def _curves_and_sample(runs: dict[str, Run]) -> None:
    run = runs.get(LABEL)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        draw_loss(run, NAME, LABEL)
    if run:
        with right:
            draw_sample(run)
            link_to("attention.py", "Attention", ":material/grid_on:", run)
            link = parameters({MATRICES: TRAINED})
            st.page_link(
                PAGES / "head.py", label="Take its head apart", icon=":material/visibility:", query_params=link
            )
