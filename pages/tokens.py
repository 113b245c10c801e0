import streamlit as st

from explorer.explore.tokens import panel as tokenizing
from explorer.shared import examples, widgets

choose, size_box, box = st.columns([1, 1, 2], gap="medium")
with choose:
    corpus = tokenizing.text_picker()
with size_box:
    size = tokenizing.size_picker()
with box:
    prompt = widgets.prompt_box(examples.of_text(corpus.name, corpus.text) if corpus else examples.SHAKESPEARE)
if corpus is None:
    widgets.empty_state(
        "There is no text yet.", "Give a plain text file above, or choose one of the texts that are there."
    )
    st.stop()

with widgets.guarded():
    st.subheader("The prompt, cut into tokens", anchor=False)
    if prompt:
        tokenizing.tokenizers(corpus, size, prompt)
        widgets.caption("The more tokens a vocabulary has, the fewer of them a text needs.", "0:09:28")
    else:
        widgets.empty_prompt()

with widgets.guarded():
    st.subheader("A batch of chunks", anchor=False)
    tokenizing.batch(corpus)
