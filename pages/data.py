import streamlit as st

from explorer.explore.tokens import panel as tokenizing
from explorer.shared import widgets

widgets.heading("Data and tokens", "What does a model read, and what is it asked?")
corpus = tokenizing.text_picker()
if corpus is None:
    widgets.empty_state(
        "There is no text yet.", "Give a plain text file above, or choose one of the texts that are there."
    )
    st.stop()

from explorer.lecture.data import panel  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

with widgets.guarded():
    panel.text(corpus)
    panel.vocabulary(corpus)
    panel.cut(corpus)
    panel.batches(corpus)
classroom.for_a_class("data.py")
