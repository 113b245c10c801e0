"""Fork a run at one of its snapshots: a new run that begins with those weights, some switches changed."""

from dataclasses import replace
from typing import Any

import streamlit as st

from explorer import state
from explorer.shared import loading, widgets
from explorer.shared.own_text import OWN
from explorer.train import jobs
from explorer.train.form import KEPT, OPTIMIZERS, give_text
from explorer.train.progress import chosen_run
from gpt import CORPORA, Corpus, Run, load_corpus
from gpt.train.estimate import estimate
from gpt.train.fork import forked_recipe
from gpt.train.machine import time_in_words
from gpt.train.recipe import MAX_INT

SAME = "its parent's"
SCHEDULES = {"constant": "constant", "linear": "linear decay", "cosine": "cosine decay"}
ACTIVATIONS = {"gelu": "GELU", "relu": "ReLU"}
SWITCHES = {
    "residual": ("Residual connections", "Each block adds to the stream, and does not replace it."),
    "scale": ("Scaled scores", "Scores are divided by √d_head before the softmax."),
    "causal": ("Causal mask", "No token reads from later ones. Without it, the answer can be looked up."),
}


def fork_chosen() -> None:
    """A fork of the chosen run at any of its snapshots. It stands apart from what is renewed each second."""
    run = chosen_run()
    if run is None or not run.steps:
        return
    with st.expander("Fork here: train on from a snapshot, under other rules", icon=":material/fork_right:"):
        step = st.selectbox(
            "Snapshot", run.steps[::-1], format_func="step {:,}".format, key=f"fork:{run.name}:at", **KEPT
        )
        fork_here(run, step)


def fork_here(run: Run, step: int) -> None:
    """The controls of a fork of this run at the snapshot of this step, and its start; then the child is the chosen run."""
    st.caption(
        "A fork is a new run that begins with this snapshot's weights and learns on under other rules. Its optimizer begins "
        "afresh, so the loss may jump at first; it draws the batches that its parent drew."
    )
    key = f"fork:{run.name}:{step}"
    changes = _changes(run, step, key)
    corpus = _text(key)
    runs = loading.runs_folder()
    free = jobs.free_name(runs, f"{run.name}-fork")
    title = st.text_input("Name of the fork", key=f"{key}:name:{free}", placeholder=free, **KEPT).strip()
    named = False
    with widgets.guarded():
        name = jobs.name_for(runs, title, free) if title else free
        jobs.check_name(runs, name)
        named = True
    pressed = st.button(
        f"Fork at step {step:,}", icon=":material/fork_right:", key=widgets.once(f"{key}:go"), type="primary"
    )
    with widgets.guarded():
        recipe = forked_recipe(run, step, **changes)
        st.caption(
            f"Training it takes roughly {time_in_words(estimate(replace(recipe, steps=recipe.steps - step)).seconds)} here."
        )
        if pressed and named:
            if corpus is None:
                raise ValueError("there is no text yet; give one, or keep the parent's")
            given = {} if corpus == SAME else {"corpus": corpus}
            with widgets.acting(f"{key}:go", "Preparing the fork …"):
                child = jobs.fork(runs, name, run, step, title=title, **given, **changes)
                state.choose(run=child.name)
                st.rerun()


def _changes(run: Run, step: int, key: str) -> dict[str, Any]:
    """What the person wants otherwise than in the parent."""
    recipe, model = run.recipe, run.recipe.model

    def choose(label: str, options: dict[str, str], value: str, help: str) -> str:
        keys = list(options)
        return st.selectbox(
            label, keys, keys.index(value), format_func=options.get, help=help, key=f"{key}:{label}", **KEPT
        )

    wanted: dict[str, Any] = {}
    first, second = st.columns(4, vertical_alignment="bottom"), st.columns(4, vertical_alignment="bottom")
    with first[0]:
        end = min(max(recipe.steps, step + max(1, recipe.steps // 4)), MAX_INT)
        told = "Steps are counted on from the parent's."
        wanted["steps"] = st.number_input("Ends at step", step + 1, MAX_INT, end, key=f"{key}:steps", help=told, **KEPT)
    with first[1]:
        wanted["lr"] = st.number_input(
            "Learning rate", min(1e-6, recipe.lr), 10.0, float(recipe.lr), recipe.lr / 4, format="%g", help=widgets.TERMS["learning rate"],
            key=f"{key}:lr", **KEPT,
        )  # fmt: skip
    with first[2]:
        wanted["optimizer"] = choose("Optimizer", OPTIMIZERS, recipe.optimizer, widgets.TERMS["optimizer"])
    with first[3]:
        wanted["schedule"] = choose(
            "Schedule", SCHEDULES, recipe.schedule, "How the learning rate changes from step 0 to the last."
        )
    with second[0]:
        told = "The share of activations that each training step leaves out."
        most = max(0.9, model.dropout)
        wanted["dropout"] = st.number_input(
            "Dropout", 0.0, most, float(model.dropout), 0.1, key=f"{key}:dropout", help=told, **KEPT
        )
    with second[1]:
        wanted["activation"] = choose(
            "Activation", ACTIVATIONS, model.activation, "The bend between the two layers of an MLP."
        )
    with second[2]:
        told = "Another seed draws other batches than the parent's."
        wanted["seed"] = st.number_input(
            "Seed of the batches", 0, MAX_INT, recipe.seed, key=f"{key}:seed", help=told, **KEPT
        )
    with st.container(horizontal=True):
        for name, (label, told) in SWITCHES.items():
            wanted[name] = st.checkbox(label, getattr(model, name), key=f"{key}:{name}", help=told, **KEPT)
    return {name: value for name, value in wanted.items() if value != getattr(recipe, name, getattr(model, name, None))}


def _text(key: str) -> Corpus | str | None:
    """The text that the fork learns from: `SAME`, a corpus, or None where the person has not given theirs yet."""
    kind = st.selectbox("Text", [SAME, *CORPORA, OWN], key=f"{key}:text", **KEPT)
    if kind == OWN:
        return give_text(key)
    return SAME if kind == SAME else load_corpus(kind)
