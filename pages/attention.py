import streamlit as st

from explorer.explore.attention.difference import draw_difference
from explorer.explore.attention.panel import draw_heads
from explorer.explore.attention.sides import OFF, pick_kind
from explorer.explore.heads.panel import score_heads
from explorer.shared import widgets
from explorer.shared.generation import generation
from explorer.shared.sink import pick_first_token
from explorer.shared.turns import end_turn

left, middle, right = st.columns([8, 4, 3], gap="medium")
opened, prompt = widgets.model_and_prompt(left, middle)
with right:
    kind = pick_kind()

with st.spinner("Opening the model…"):
    _ = opened.model  # read from disk here
with st.container(horizontal=True, vertical_alignment="center"):
    reading = widgets.reading(opened, prompt)
    if reading is None:
        st.stop()
    hides_first = pick_first_token(opened)

if kind == OFF or not opened.config.n_layer:
    draw_heads(opened, reading, hides_first)
else:
    with widgets.guarded():
        draw_difference(kind, opened, prompt, reading, hides_first)
st.subheader("Next token", anchor=False)
generation(opened, prompt, reading)
widgets.caption("The probabilities of the next token, and a continuation sampled from them.", "0:22:11")
end_turn()
score_heads(opened)  # last: the page is on screen meanwhile
