"""An encoder, a decoder, or both: what each is for, and both of them trained from nothing."""

import streamlit as st

from explorer import state
from explorer.lecture.kit.controls import chapter, choose
from explorer.lecture.kit.training import losses, train_together
from explorer.lecture.translate.figures import exact_curve
from explorer.navigation import PAGES
from explorer.shared.chart import chart
from explorer.train.curves import series
from gpt import PRESETS, Run

NAME, LABEL = "translate", "encoder-decoder"
RECIPE = PRESETS["translate"]
HALVES = {
    "decoder only": "**GPT**, and all of this app's other models. One sequence and one kind of attention, behind a mask, since it is "
    "trained to predict what comes next. To translate, the source would simply stand before the target, as a prompt.",
    "encoder only": "**BERT** is of this kind. One sequence without a mask: every token sees all others, so there is no next token to "
    "predict; it is trained to fill gaps, and used to judge a text that is there as a whole.",
    "both": "**The Transformer of 2017**, made for translation, and this page's model. The encoder reads the source without a mask, the "
    "decoder writes behind one, and in every block of the decoder cross-attention looks back at what the encoder made of the source.",
}  # fmt: skip
SEE = {
    "decoder only": ("attention.py", "Attention of a decoder", ":material/grid_on:"),
    "encoder only": ("notes.py", "The same weights with the mask and without", ":material/sticky_note_2:"),
}


def comparison() -> None:
    """What an encoder alone, a decoder alone, and both are for."""
    task = "Switch between the three: which attention is there, and what is such a model for?"
    if not chapter("Encoder, decoder, or both", "1:42:39", task):
        return
    kind = choose("Halves", HALVES, "both", "halves")
    st.markdown(HALVES[kind])
    if kind in SEE:
        page, label, icon = SEE[kind]
        st.page_link(PAGES / page, label=label, icon=icon)


def training() -> None:
    """The preset that ships, trained here from nothing."""
    task = "Train the model from nothing, and watch how suddenly it gets whole dates right."
    if not chapter("Train it yourself", "1:42:39", task):
        return
    about = (
        f"One block in each half, {RECIPE.steps:,} steps of {RECIPE.batch_size} dates: about a minute on one core. The last "
        "tenth of the lines is held out; a translation counts where it is right to the last digit."
    )
    train_together(NAME, {LABEL: RECIPE}, _learned, about=about)


def _learned(runs: dict[str, Run]) -> None:
    run = runs.get(LABEL)
    left, right = st.columns(2, gap="medium")
    with left:
        losses(run)
    if run is None:
        return
    with right:
        steps, shares = series(run.metrics(), "exact")
        alt = "Share of validation dates that are translated exactly"
        chart(exact_curve(steps, shares, end=run.recipe.steps), key="translate:exact", alt=alt)
        st.caption("Greedy translations of the validation dates, measured during training.")
    if run.steps:
        taken = {"translator": f"runs/{run.name}", "at": None}
        label, icon = "Look into this model above", ":material/visibility:"
        st.button(label, icon=icon, on_click=state.choose, kwargs=taken, key="translate:look")
