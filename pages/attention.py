import streamlit as st

from explorer import widgets

widgets.heading("Attention", "Where does each head of a trained GPT look, for every token of this prompt?")
with st.container(horizontal=True):
    prompt = widgets.prompt_box()
    model = widgets.model_picker()
