import streamlit as st

from explorer.explore.tokens import panel
from explorer.shared import examples, widgets

choose, size_box, box = st.columns([1, 1, 2], gap="medium")
with choose:
    corpus = panel.pick_text()
with size_box:
    size = panel.pick_size()
with box:
    prompt = widgets.prompt_box(examples.of_text(corpus.name, corpus.text) if corpus else examples.SHAKESPEARE)
if corpus is None:
    widgets.empty_state("There is no text yet.", "Upload a plain text file above, or choose a text.")
    st.stop()

with widgets.guarded():
    st.subheader("The prompt as tokens", anchor=False)
    if prompt:
        panel.draw_tokenizers(corpus, size, prompt)
        widgets.caption("A larger vocabulary makes a text shorter.", "0:09:28")
    else:
        widgets.empty_prompt()

with widgets.guarded():
    st.subheader("A batch of chunks", anchor=False)
    panel.draw_batch(corpus)
