import streamlit as st

from explorer.explore.heads import panel
from explorer.shared import texts, widgets

left, right = st.columns([5, 2])
opened, prompt = widgets.model_and_prompt(left, right)

with st.spinner("Opening the model…"):
    _ = opened.model  # read from disk here
if not opened.config.n_layer:
    widgets.empty_state(
        "This model has no heads.",
        "A bigram table reads only the last token. Pick a Transformer: *induction* has heads of two clear kinds.",
    )
    st.stop()
on_probe = texts.head_scores(opened)
with right:
    head = panel.pick_head(opened.config.n_layer, opened.config.n_head, panel.clearest_head(on_probe))
reading = widgets.reading(opened, prompt)
if reading is None:
    st.stop()

on_prompt = texts.head_scores(opened, reading.ids)
panel.draw_score_maps(on_prompt, on_probe, head)
widgets.caption(
    "A score is the weight that a head puts on such tokens, minus what even attention puts there. "
    f"Framed cells reach the threshold. {panel.describe_probe(opened)}",
    "1:21:59",
)
panel.draw_named_heads(opened, prompt, on_probe)
panel.draw_evidence(opened, reading, head, on_prompt, on_probe)
widgets.caption(
    "The weights show where this head reads from, not what matters to the answer. To see that, switch the head off.",
    "1:02:00",
)
panel.draw_all_scores(on_prompt, on_probe)
