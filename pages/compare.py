import streamlit as st

from explorer.compare import panel as comparing
from explorer.figures import style
from explorer.shared import loading, widgets
from explorer.shared.choices import RIGHT

if not loading.prompted():
    widgets.no_model()

first, second, box = st.columns([3, 3, 4], gap="medium")
with first:
    left = widgets.model_picker(label="Left model")
with second:
    right = widgets.model_picker(RIGHT, comparing.default_rival(left), label="Right model")
with box:
    prompt = widgets.prompt_box(comparing.examples_for(left))
refs = (left, right)
if left == right:
    st.info(
        "Both sides are the same model, so they agree in everything. Pick another on one side.", icon=":material/equal:"
    )
if not prompt:
    widgets.empty_prompt()

writing = False

with st.spinner("Opening the models…"):
    for ref in refs:
        loading.load_model(ref)
with widgets.guarded():
    if prompt:
        st.subheader("What they write", anchor=False)
        writing = comparing.samples(refs, prompt, widgets.sampling_controls(comparing.SAMPLING))
        widgets.caption(
            "Each model continues the prompt, drawing from its own distributions with the same seed.", "0:22:11"
        )

        st.subheader("Where the prompt surprises them", anchor=False)
        comparing.surprises(refs, prompt)
        widgets.caption(
            f"Surprise is −ln p of each character given those before it, in nats; below, {style.ABOVE} where it surprised the left "
            f"model more, {style.BELOW} where it surprised the right one more.",
            "0:22:11",
        )

with widgets.guarded():
    st.subheader("How well they predict", anchor=False)
    with st.spinner("Reading validation text …"):
        comparing.losses(refs, wait=writing)
