"""Fork a run at one of its snapshots: a new run that starts with those weights, with some settings changed."""

from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.choice import choose
from explorer.opened import runs_folder
from explorer.places import is_read_only
from explorer.shared import widgets
from explorer.shared.choices import RUN
from explorer.shared.own_text import OWN
from explorer.train import jobs
from explorer.train.form import OPTIMIZER_LABELS, PERSIST, check_title, give_text
from explorer.train.names import free_name
from explorer.train.panel import chosen_run
from gpt import CORPORA, Corpus, Run, load_corpus
from gpt.machine import time_in_words
from gpt.train.estimate import estimate
from gpt.train.files import MAX_INT
from gpt.train.fork import forked_recipe

SAME = "its parent's"
SELECTS: dict[str, tuple[str, dict[str, str], str]] = {  # field → label, options, help
    "optimizer": ("Optimizer", OPTIMIZER_LABELS, widgets.TERMS["optimizer"]),
    "schedule": (
        "Schedule", {"constant": "constant", "linear": "linear decay", "cosine": "cosine decay"},
        "How the learning rate changes from step 0 to the last step.",
    ),
    "activation": (
        "Activation",
        {"gelu_tanh": "GELU", "gelu": "GELU, exact", "relu": "ReLU", "relu2": "ReLU squared", "silu": "SiLU"},
        "The nonlinear function between the two layers of an MLP.",
    ),
}  # fmt: skip
SWITCHES = {
    "residual": ("Residual connections", "Each block adds to the residual stream instead of replacing it."),
    "scale": ("Scaled scores", "Scores are divided by √d_head before the softmax."),
    "causal": ("Causal mask", "A token cannot read later ones. Without the mask, the model can look up the answer."),
}


def fork_chosen() -> None:
    """Draw a fork of the chosen run, outside the part that is drawn again each second."""
    run = chosen_run()
    if run is None or not run.steps or is_read_only():
        return
    with st.expander("Fork: continue a snapshot with other settings", icon=":material/fork_right:"):
        key = f"fork:{run.name}:at"
        step = st.selectbox("Snapshot", run.steps[::-1], format_func="step {:,}".format, key=key, **PERSIST)
        fork_here(run, step)


def fork_here(run: Run, step: int) -> None:
    """Draw the controls of a fork of this run at this step. A started fork becomes the chosen run."""
    if widgets.only_shows():
        return
    st.caption(
        "A fork is a new run that starts with the weights of this snapshot. Its optimizer starts from zero, so the "
        "loss may jump at first. With the same seed, it reads the same batches as its parent."
    )
    key = f"fork:{run.name}:{step}"
    changes = _changes(run, step, key)
    corpus = _text(key)
    free = free_name(runs_folder(), f"{run.name}-fork")
    title = st.text_input("Name of the fork", key=f"{key}:name:{free}", placeholder=free, **PERSIST)
    title = (title or "").strip()
    name = check_title(title, free, free)
    button = widgets.once(f"{key}:go")
    pressed = st.button(f"Fork at step {step:,}", icon=":material/fork_right:", key=button, type="primary")
    with widgets.guarded():
        recipe = forked_recipe(run, step, **changes)
        seconds = estimate(replace(recipe, steps=recipe.steps - step)).seconds
        st.caption(f"Training takes about {time_in_words(seconds)} here.")
        if pressed and name:
            if corpus is None:
                raise ValueError("there is no text yet; give one, or use the parent's text")
            given = {} if corpus == SAME else {"corpus": corpus}
            with widgets.acting(f"{key}:go", "Preparing the fork …"):
                child = jobs.fork(runs_folder(), name[0], run, step, title=title, **given, **changes)
                choose({RUN: child.name})
                st.rerun()


def _changes(run: Run, step: int, key: str) -> dict[str, Any]:
    """Draw the settings. Returns those that differ from the parent's."""
    recipe, model = run.recipe, run.recipe.model
    parent = vars(recipe) | vars(model)
    values: dict[str, Any] = {}

    def number(label: str, field: str, low: float, high: float, default: float, help: str, **more: Any) -> None:
        more |= {"key": f"{key}:{field}", "help": help}
        values[field] = st.number_input(label, low, high, default, **more, **PERSIST)

    def select(field: str) -> None:
        label, options, help = SELECTS[field]
        index, describe = list(options).index(parent[field]), options.__getitem__
        more = {"help": help, "key": f"{key}:{label}"}
        values[field] = st.selectbox(label, list(options), index, format_func=describe, **more, **PERSIST)

    first, second = st.columns(4, vertical_alignment="bottom"), st.columns(4, vertical_alignment="bottom")
    with first[0]:
        end = min(max(recipe.steps, step + max(1, recipe.steps // 4)), MAX_INT)
        number("Ends at step", "steps", step + 1, MAX_INT, end, "Steps are counted from the start of the parent.")
    with first[1]:
        lr, help = float(recipe.lr), widgets.TERMS["learning rate"]
        number("Learning rate", "lr", min(1e-6, lr), 10.0, lr, help, step=lr / 4, format="%g")
    with first[2]:
        select("optimizer")
    with first[3]:
        select("schedule")
    with second[0]:
        dropout, help = float(model.dropout), "The share of activations that each training step sets to zero."
        number("Dropout", "dropout", 0.0, max(0.9, dropout), dropout, help, step=0.1)
    with second[1]:
        select("activation")
    with second[2]:
        help = "Another seed draws other batches than the parent's."
        number("Seed of the batches", "seed", 0, MAX_INT, recipe.seed, help)
    with st.container(horizontal=True):
        for field, (label, help) in SWITCHES.items():
            values[field] = st.checkbox(label, parent[field], key=f"{key}:{field}", help=help, **PERSIST)
    return {field: value for field, value in values.items() if value != parent[field]}


def _text(key: str) -> Corpus | str | None:
    """Draw the choice of the text. Returns `SAME`, a corpus, or None if the person has not given a text yet."""
    kind = st.selectbox("Text", [SAME, *CORPORA, OWN], key=f"{key}:text", **PERSIST)
    if kind == OWN:
        return give_text(key)
    return SAME if kind == SAME else load_corpus(kind)
