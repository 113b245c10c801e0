import streamlit as st

from explorer.explore.attention.panel import draw_heads
from explorer.explore.heads.panel import score_heads
from explorer.shared import widgets
from explorer.shared.generation import generation
from explorer.shared.sink import pick_first_token

opened, prompt = widgets.model_and_prompt(*st.columns([5, 2]))

with st.spinner("Opening the model…"):
    _ = opened.model  # read from disk here
with st.container(horizontal=True, vertical_alignment="center"):
    reading = widgets.reading(opened, prompt)
    if reading is None:
        st.stop()
    hides_first = pick_first_token(opened)

draw_heads(opened, reading, hides_first)
st.subheader("Next token", anchor=False)
generation(opened, prompt, reading)
widgets.caption("The probabilities of the next token, and a continuation sampled from them.", "0:22:11")
score_heads(opened)  # last: the page is on screen meanwhile
