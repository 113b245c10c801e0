import streamlit as st

from explorer import start as welcome
from explorer.lecture.kit.progress import draw_progress

welcome.steps()
st.markdown(
    "Then follow the *Lecture* chapter by chapter, and go on with *After the lecture*. Look further under *Explore*, "
    "or *Train* a model of your own. *Compare* shows two models side by side. "
    "The pages under *Explore: research tools* follow a prediction through the layers."
)
draw_progress()
