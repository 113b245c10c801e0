import streamlit as st

from explorer.explore.interventions import panel as intervening
from explorer.figures import style
from explorer.shared import widgets

opened, prompt = widgets.model_and_prompt(*st.columns([5, 2]))

with st.spinner("Opening the model…"):
    layers = opened.config.n_layer
if not layers:
    widgets.empty_state(
        "This model has no parts to switch off.",
        "A bigram table is one table. Pick a Transformer: in *induction*, one head less and it can no longer copy.",
    )
    st.stop()
reading = widgets.reading(opened, prompt)
if reading is None:
    st.stop()
made, head = intervening.change_controls(opened, reading.ids)
intervening.next_token(opened, reading.ids, made)
widgets.caption("The next token as the model predicts it, and under the changes that are in force.", "0:22:11")

st.subheader("A sample with the same seed", anchor=False)
with widgets.guarded():
    intervening.samples(opened, reading.ids, made)
    widgets.caption("Both draw with the same random numbers, so what differs comes from the changes.", "0:22:11")

st.subheader("Every head switched off by itself", anchor=False)
with widgets.guarded():
    intervening.ablations(opened, reading, head)
    widgets.caption(
        "A head may read from one token with all its weight and matter little to the loss: attention is not importance.",
        "1:21:59",
    )

st.subheader("Patching from a second prompt", anchor=False)
with widgets.guarded():
    intervening.patching(opened, reading)
    widgets.caption(
        f"{style.ABOVE.capitalize()}: with this piece of the second prompt's computation, the first prompt's answer moves towards "
        "the second's.",
        "1:26:48",
    )
