import streamlit as st

from explorer import start as welcome
from explorer.shared import widgets

widgets.heading("Start", f"{welcome.SENTENCE} Three steps show how.")
welcome.steps()
st.markdown(
    "Then follow the *Lecture* chapter by chapter, look further under *Explore*, or *Train* a model of your own. "
    "*Compare* puts two models side by side; the *Research tools* follow a prediction through the layers."
)
