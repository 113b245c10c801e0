import streamlit as st

from explorer.components.attention_view.linked import linked_view, look_choices, read_lines
from explorer.components.attention_view.packing import example, sharpest
from explorer.explore.attention import fitting, weight
from explorer.explore.heads import panel as scoring
from explorer.shared import downloads, loading, texts, widgets
from explorer.shared.generation import generation

ref, prompt = widgets.model_and_prompt(*st.columns([5, 2]))

with st.spinner("Opening the model…"):
    loading.load_model(ref)
reading = widgets.reading(ref, prompt)
if reading is None:
    st.stop()

model = loading.load_run(ref).recipe.model
if model.n_layer:
    head = widgets.head_choice(model.n_layer, model.n_head)
    cell = weight.read_cell(len(reading.ids))
    layers = fitting.layers_kept(ref, reading, head)
    patterns = loading.attention(ref, reading.ids, layers=layers)
    scores = texts.known_head_scores(ref)
    large = linked_view(
        patterns,
        reading.tokens,
        key="attention",
        look={"head": head, "cell": cell, **read_lines(model.n_layer, model.n_head)},
        choices=look_choices,
        causal=model.causal,
        opening=sharpest(patterns),
        layers=layers,
        explained=weight.PLACE,
        captions=scoring.captions(scores, layers),
    )
    downloads.attention(ref, reading, large, layers)
    widgets.caption(
        "Each row is a token that reads, each column a token it reads from; the weights of a row sum to 1.", "1:02:00"
    )
    weight.draw_weight(ref, reading, patterns, large, cell or example(patterns[large]))
else:
    widgets.empty_state(
        "This model has no heads.",
        "A bigram table sees the present token alone, so there is nothing to attend to. "
        "Its next-token probabilities are below; pick a Transformer to see attention.",
    )

st.subheader("Next token", anchor=False)
generation(ref, prompt, reading)
widgets.caption("The probabilities of the next token, and a continuation drawn from them token by token.", "0:22:11")
if model.n_layer and scores is None:
    scoring.score_heads(ref)
