import streamlit as st

from explorer.explore.interventions import panel
from explorer.figures import style
from explorer.shared import widgets

opened, prompt = widgets.model_and_prompt(*st.columns([5, 2]))

if not opened.config.n_layer:
    widgets.empty_state(
        "This model has no parts to switch off.",
        "A bigram has only one table. Pick a Transformer: *induction* stops copying when one head is off.",
    )
    st.stop()
reading = widgets.reading(opened, prompt)
if reading is None:
    st.stop()
changes, head = panel.change_controls(opened, reading.ids)
panel.draw_next_token(opened, reading.ids, changes)
widgets.caption("The next token before the changes and after them.", "0:22:11")

samples = st.container()

st.subheader("Each head switched off", anchor=False)
with widgets.guarded():
    panel.draw_ablations(opened, reading, head)
    widgets.caption(
        "A head can put all its weight on one token and still matter little to the loss: attention is not importance.",
        "1:21:59",
    )

st.subheader("Patching from a second prompt", anchor=False)
with widgets.guarded():
    panel.draw_patching(opened, reading)
    widgets.caption(
        f"{style.ABOVE.capitalize()}: this activation of the second prompt moves the first prompt's answer towards "
        "the second's.",
        "1:26:48",
    )

with samples:  # last: the rest of the page is on screen meanwhile
    st.subheader("A sample with the same seed", anchor=False)
    with widgets.guarded():
        panel.draw_samples(opened, reading.ids, changes)
        widgets.caption("Both use the same random numbers, so every difference comes from the changes.", "0:22:11")
