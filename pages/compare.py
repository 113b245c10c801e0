import streamlit as st

from explorer.compare import losses, panel, samples, surprises, words
from explorer.figures import style
from explorer.navigation import PAGES
from explorer.shared import widgets
from explorer.shared.choices import RIGHT

first, second, box = st.columns([3, 3, 4], gap="medium")
with first:
    left = widgets.model_picker(label="Left model")
if left is None:
    widgets.no_model()
with second:
    right = widgets.model_picker(RIGHT, panel.default_rival(left), label="Right model") or left
with box:
    prompt = widgets.prompt_box(panel.examples_for(left))
if left == right:
    st.info("Both sides show the same model, so they agree. Pick another model on one side.", icon=":material/equal:")
if not prompt:
    widgets.empty_prompt()

growing = False
with st.spinner("Opening the models…"):
    pair = (widgets.open_with_progress(left), widgets.open_with_progress(right))
    for opened in pair:
        _ = opened.model  # read from disk here
with widgets.guarded():
    if prompt:
        panel.draw_unknown(pair, prompt)
        st.subheader("What they write", anchor=False)
        growing = samples.draw_samples(pair, prompt, widgets.sampling_controls(samples.SAMPLING))
        sentence = "Each model continues the prompt, sampling from its own distributions with the same seed."
        widgets.caption(sentence, "0:22:11")

        st.subheader("Where the prompt surprises them", anchor=False)
        surprises.draw_surprises(pair, prompt)
        widgets.caption(
            "Surprise is −ln p of each token given those before it, in nats, spread evenly over its characters. "
            f"In the last text, {style.ABOVE} surprised the left model more, {style.BELOW} the right one.",
            "0:22:11",
        )
with widgets.guarded():
    if prompt:
        st.subheader("Which words they read", anchor=False)
        words.draw_attention(pair, prompt)
with widgets.guarded():
    st.subheader("How well they predict", anchor=False)
    with st.spinner("Reading validation text…"):
        losses.draw_losses(pair, wait=growing)
    st.page_link(PAGES / "seeds.py", label="How much of a difference is luck: Seeds", icon=":material/casino:")
