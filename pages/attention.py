import streamlit as st

from explorer.explore.attention.panel import draw_heads
from explorer.explore.heads.panel import score_heads
from explorer.shared import widgets
from explorer.shared.generation import generation

opened, prompt = widgets.model_and_prompt(*st.columns([5, 2]))

with st.spinner("Opening the model…"):
    _ = opened.model  # read from disk here
reading = widgets.reading(opened, prompt)
if reading is None:
    st.stop()

draw_heads(opened, reading)
st.subheader("Next token", anchor=False)
generation(opened, prompt, reading)
widgets.caption("The probabilities of the next token, and a continuation sampled from them.", "0:22:11")
score_heads(opened)  # last: the page is on screen meanwhile
