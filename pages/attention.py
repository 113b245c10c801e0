import streamlit as st

from explorer.explore.attention.panel import draw_heads
from explorer.explore.heads.panel import score_heads
from explorer.shared import loading, widgets
from explorer.shared.generation import generation

ref, prompt = widgets.model_and_prompt(*st.columns([5, 2]))

with st.spinner("Opening the model…"):
    loading.load_model(ref)
reading = widgets.reading(ref, prompt)
if reading is None:
    st.stop()

draw_heads(ref, reading)
st.subheader("Next token", anchor=False)
generation(ref, prompt, reading)
widgets.caption("The probabilities of the next token, and a continuation sampled from them.", "0:22:11")
score_heads(ref)  # last: the page is on screen meanwhile
