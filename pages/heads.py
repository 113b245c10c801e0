import streamlit as st

from explorer.explore.heads import panel as scoring
from explorer.shared import loading, texts, widgets

left, right = st.columns([5, 2])
ref, prompt = widgets.model_and_prompt(left, right)

with st.spinner("Opening the model…"):
    config = loading.load_model(ref).config
if not config.n_layer:
    widgets.empty_state(
        "This model has no heads.",
        "A bigram table sees the present token alone. Pick a Transformer: *induction* has heads of two clear kinds.",
    )
    st.stop()
on_probe = texts.head_scores(ref)
with right:
    chosen = scoring.head_pickers(config.n_layer, config.n_head, scoring.clearest(on_probe))
reading = widgets.reading(ref, prompt)
if reading is None:
    st.stop()

on_prompt = texts.head_scores(ref, reading.ids)
scoring.score_maps(on_prompt, on_probe, chosen)
widgets.caption(
    "How much more weight each head puts where such a head would read than even attention does: 0 is no more, framed cells "
    f"reach the threshold. {scoring.probe_note(ref)}",
    "1:21:59",
)
scoring.named_heads(prompt, ref, on_probe)
scoring.evidence(ref, reading, chosen, on_prompt, on_probe)
widgets.caption(
    "The weights show where this head reads from, not what matters to the answer; switching it off shows that.",
    "1:02:00",
)
scoring.all_scores(on_prompt, on_probe)
