"""An encoder, a decoder, or both: what each is for, and the model of both trained from its first step."""

import streamlit as st

from explorer.choice import Choice, choose
from explorer.lecture.kit.controls import WALK, chapter, pick, show_cell
from explorer.lecture.kit.training import draw_loss, finished_sentence, grey_unless, logged_or_finished, train_together
from explorer.lecture.translate.figures import exact_curve
from explorer.navigation import PAGES
from explorer.shared.chart import chart
from explorer.shared.choices import TRANSLATOR
from gpt import PRESETS, Run
from gpt.model.seq2seq import DecoderBlock
from gpt.train.objectives.translation import Translation, pair_loss

NAME, LABEL = "translate", "encoder-decoder"
RECIPE = PRESETS["translate"]
MEANING = {
    "decoder only": "**GPT**, and every other model of this app. It has one sequence and one kind of attention, "
    "behind a mask, since it is "
    "trained to predict the next token. To translate, it reads the source as a prompt before the target.",
    "encoder only": "**BERT** is of this kind. It has one sequence and no mask: every token reads all others, so "
    "there is no next token to "
    "predict. It is trained to fill gaps, and used to classify a whole text.",
    "both": "**The Transformer of 2017**, made for translation, and this page's model. The encoder reads the source "
    "without a mask, the "
    "decoder writes behind one. In every block of the decoder, cross-attention reads the encoder's output.",
}  # fmt: skip
HALVES = Choice("halves", options=MEANING, default="both", label="Halves")
SEE = {
    "decoder only": ("attention.py", "Attention of a decoder", ":material/grid_on:"),
    "encoder only": ("mask.py", "The same weights with the mask and without", ":material/visibility_off:"),
}


@chapter(
    "Encoder, decoder, or both",
    "1:42:39",
    "Switch between the three: which attention is there, and what is such a model for?",
)
def comparison() -> None:
    """What an encoder, a decoder, and both together are for."""
    kind = pick(HALVES)
    st.markdown(MEANING[kind])
    if kind in SEE:
        page, label, icon = SEE[kind]
        st.page_link(PAGES / page, label=label, icon=icon)
    show_cell("translate/blocks", DecoderBlock)


@chapter(
    "Train it yourself", "1:42:39", "Train the model from its first step. How suddenly does it get whole dates right?"
)
def training() -> None:
    """The shipped model's recipe, trained here."""
    about = (
        f"One block in each half, {RECIPE.steps:,} steps of {RECIPE.batch_size} dates: about a minute on one core. "
        "The last tenth of the lines is for validation. A translation is exact if every digit is right."
    )
    train_together(NAME, {LABEL: RECIPE}, _learned, about=about)
    show_cell("translate/train", Translation.loss, pair_loss)


def _learned(runs: dict[str, Run]) -> None:
    run = runs.get(LABEL)
    left, right = st.columns(2, gap="medium")
    with left:
        draw_loss(run, NAME, LABEL)
    with right:
        metrics = logged_or_finished(NAME, runs)
        if LABEL in metrics:
            steps, shares = metrics[LABEL].series("exact")
            figure = grey_unless(bool(runs), exact_curve(steps, shares, end=RECIPE.steps))
            chart(figure, key="translate:exact", alt="Share of validation dates that are translated exactly")
            whose = finished_sentence(runs)
            st.caption(f"{whose}Greedy translations of the validation dates, measured during training.")
    if run and run.steps:
        choices = {TRANSLATOR: f"runs/{run.name}", WALK: None}
        label, icon = "Open this model above", ":material/visibility:"
        st.button(label, icon=icon, on_click=choose, args=(choices,), key="translate:look")
