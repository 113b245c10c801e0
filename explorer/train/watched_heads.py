"""Any head of a run while it trains, on the person's own prompt."""

import streamlit as st

from explorer import state
from explorer.components.attention_view import attention_view, sharpest
from explorer.shared import examples, loading, widgets
from explorer.train.progress import chosen_run, while_live
from gpt import Run


def watched_heads() -> None:
    """The chosen run's heads at its newest snapshot.

    The prompt stands outside what is renewed each second: a box that is drawn anew while one types in it loses letters.
    """
    run = chosen_run()
    if run is None:
        return
    if run.recipe.objective == "translation":
        st.caption("This model translates; its three kinds of attention are on the page *Encoder and decoder*.")
        return
    if not run.recipe.model.n_layer:
        st.caption("A bigram table has no heads: it sees the present token alone.")
        return
    prompt = widgets.prompt_box(examples.of_model(f"runs/{run.name}"))
    while_live(lambda: _heads(run, prompt))


def _heads(run: Run, prompt: str) -> None:
    """The view on a prompt that stays the same while the model changes."""
    steps, ref = run.steps, f"runs/{run.name}"
    if not steps:
        st.caption("Its heads are drawn here from the first snapshot on.")
        return
    with widgets.guarded():
        reading = widgets.reading(ref, prompt)
        if reading is None:
            return
        patterns = loading.attention(ref, reading.ids, steps[-1])
        chosen = widgets.head_choice(*patterns.shape[:2])
        opening = state.recall(f"probe:{ref}") or sharpest(patterns)
        state.remember(f"probe:{ref}", opening)  # which head is clearest may change; what is looked at should not
        causal, key = run.recipe.model.causal, f"probe:{widgets.key_of(run.name)}"
        looked = attention_view(patterns, reading.tokens, head=chosen, key=key, causal=causal, opening=opening)
        if looked.head != chosen:
            layer, head = looked.head or (None, None)
            state.choose(layer=layer, head=head)
        widgets.caption(
            f"Every head on this prompt after step {steps[-1]:,}, renewed at each snapshot; click one to keep it large.",
            "1:21:59",
        )
