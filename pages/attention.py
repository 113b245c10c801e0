import streamlit as st

from explorer import state
from explorer.components.attention_view import attention_view, release, sharpest
from explorer.explore.attention import fitting, lines, weight
from explorer.explore.heads import panel as scoring
from explorer.shared import downloads, loading, texts, widgets
from explorer.shared.generation import generation

widgets.heading("Attention", "For every token of this prompt: which earlier tokens does each head read from?")
ref, prompt = widgets.model_and_prompt(*st.columns([5, 2]))

with widgets.guarded():
    with st.spinner("Opening the model…"):
        loading.load_model(ref)
    reading = widgets.reading(ref, prompt)
    if reading is None:
        st.stop()

    model = loading.load_run(ref).recipe.model
    if model.n_layer:
        chosen = widgets.head_choice(model.n_layer, model.n_head)
        layers = fitting.layers_kept(ref, reading, chosen)
        patterns = loading.attention(ref, reading.ids, layers=layers)
        cell, drawn = weight.cell_choice(len(reading.ids)), lines.lines_choice(model.n_layer, model.n_head)
        scores = texts.known_head_scores(ref)
        if chosen is None and state.recall("attention:locked"):
            release("attention")  # an example or the Back button has unmade the choice
        looked = attention_view(
            patterns,
            reading.tokens,
            head=chosen,
            cell=cell,
            lines=drawn,
            key="attention",
            causal=model.causal,
            opening=sharpest(patterns),
            layers=layers,
            explained=weight.PLACE,
            captions=scoring.captions(scores, layers),
        )
        state.remember("attention:locked", looked.head)
        downloads.attention(ref, reading, looked.shown, layers)
        if (looked.head, looked.cell, looked.lines) != (chosen, cell, drawn):
            (layer, head), (query, key) = looked.head or (None, None), looked.cell or (None, None)
            state.choose(layer=layer, head=head, query=query, key=key, **lines.written(looked.lines))
        widgets.caption(
            "Each row is a token that reads, each column a token it reads from; the weights of a row sum to 1.",
            "1:02:00",
        )
        weight.explained(ref, reading, patterns, looked)
    else:
        widgets.empty_state(
            "This model has no heads.",
            "A bigram table sees the present token alone, so there is nothing to attend to. "
            "Its next-token probabilities are below; pick a Transformer to see attention.",
        )

    st.subheader("Next token", anchor=False)
    generation(ref, prompt, reading)
    widgets.caption(
        "The probabilities of the next token, and a continuation drawn from them token by token.", "0:22:11"
    )
    if model.n_layer and scores is None:
        scoring.score_heads(ref)
