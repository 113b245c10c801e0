import streamlit as st

from explorer.explore.tokens import panel as tokens
from explorer.lecture.data import panel
from explorer.shared import widgets

corpus = tokens.pick_text()
if corpus is None:
    widgets.empty_state("There is no text yet.", "Give a plain text file above, or choose another text.")
    st.stop()

panel.text(corpus)
panel.vocabulary(corpus)
panel.cut(corpus)
panel.batches(corpus)
