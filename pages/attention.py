import streamlit as st

from explorer import loading, state, widgets
from explorer.attention_view import attention_view, sharpest
from explorer.generation import generation

widgets.heading("Attention", "For every token of this prompt: which earlier tokens does each head read from?")
ref, prompt = widgets.model_and_prompt(*st.columns([5, 2]))

with widgets.guarded():
    with st.spinner("Opening the model…"):
        loading.load_model(ref)
    reading = widgets.reading(ref, prompt)
    if reading is None:
        st.stop()

    patterns = loading.attention(ref, reading.ids)
    n_layer, n_head = patterns.shape[:2]
    if n_layer:
        causal = loading.load_run(ref).recipe.model.causal
        chosen = widgets.head_choice(n_layer, n_head)
        locked = attention_view(
            patterns, reading.tokens, head=chosen, key="attention", causal=causal, opening=sharpest(patterns)
        )
        if locked != chosen:
            layer, head = locked or (None, None)
            state.choose(layer=layer, head=head)
        widgets.caption(
            "Each row is a token that reads, each column a token it reads from; the weights of a row sum to 1.",
            "1:02:00",
        )
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
