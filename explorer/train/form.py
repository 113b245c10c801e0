"""The form of a new run: its text, its recipe, and changes to the recipe."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.opened import runs_folder
from explorer.shared import own_text, widgets
from explorer.shared.choices import RUN
from explorer.shared.own_text import OWN
from explorer.train import jobs
from explorer.train.names import check_name, free_name, name_of_title
from gpt import CORPORA, PRESETS, Corpus, Recipe, load_corpus
from gpt.machine import bytes_in_words, time_in_words
from gpt.text.batches import check_length
from gpt.text.corpus import CorpusError
from gpt.text.pairs import read_pairs, split_pairs
from gpt.train.estimate import check_fits
from gpt.train.objectives import OBJECTIVES
from gpt.train.optim import OPTIMIZERS
from gpt.train.presets import GROUPS

FIRST = "quick"
NAME = Choice("form.name", default="", label="Name of the run")
START = "train:start"  # the button, for `widgets.acting`
AS_RECIPE = "the recipe's own"
STEP = "In one step, the model reads a batch, computes the loss, and changes every weight a little."
NUMBERS: dict[str, tuple[str, int, int, str]] = {  # field of the recipe or its model → label, lowest, highest, help
    "n_layer": ("Layers (n_layer)", 0, 48, "0 gives a bigram table, which has no heads."),
    "n_head": ("Heads per layer (n_head)", 1, 64, widgets.TERMS["head"]),
    "n_embd": (
        "Features (n_embd)",
        1,
        4096,
        "Numbers per token in the residual stream. The heads of a layer share them.",
    ),
    "experts": (
        "Experts (experts)",
        1,
        64,
        "MLPs in each block. With several, a router chooses some of them for each token, for example one of four.",
    ),
    "block_size": ("Context (block_size)", 1, 4096, "The largest number of tokens that the model reads at once."),
    "batch_size": ("Batch size", 1, 1024, "Chunks of text in one step."),
}
OPTIMIZER_LABELS = {name: kind.label for name, kind in OPTIMIZERS.items()}
SELECTS: dict[str, tuple[str, dict[str, str], str]] = {  # field → label, options, help
    "optimizer": ("Optimizer", OPTIMIZER_LABELS, widgets.TERMS["optimizer"]),
    "tokenizer": (
        "Tokenizer", {"char": "characters", "bpe-512": "BPE, 512 tokens"},
        "How the text is cut into tokens. A token is a character, or a piece of a word.",
    ),
    "norm": (
        "Norm",
        {
            "pre": "layernorm before", "post": "layernorm after", "rms": "RMSNorm before",
            "batch": "batchnorm before", "none": "none",
        },
        "It is before each part of a block, or after it. It keeps the numbers in the residual stream at one size, so "
        "that deep models train.",
    ),
    "positions": (
        "Positions",
        {"learned": "learned vectors", "sinusoidal": "sinusoids", "rotary": "rotary", "none": "none"},
        "How the model knows the order of tokens: vectors added at the input, or queries and keys turned by an angle.",
    ),
}  # fmt: skip
PERSIST: dict[str, Any] = {"persist_state": "session"}


def draw_form() -> None:
    """Draw the controls, and start a run when the person presses Start.

    Start is never disabled, because a click on it also ends the typing in a box. A bad input is explained
    beside its control. The link holds the changed inputs, so a reload keeps them.
    """
    if widgets.only_shows():
        return
    with st.container(border=True):
        text, choice, length = st.columns([4, 8, 3], vertical_alignment="bottom")
        with choice:
            preset = _select("recipe", FIRST, "Recipe", _presets())
        with text:
            kind = _select("text", AS_RECIPE, "Text", {name: name for name in (AS_RECIPE, *CORPORA, OWN)})
        recipe = PRESETS[preset]
        with length:
            steps = _number(f"{preset}.steps", recipe.steps, "Steps", 1, 1_000_000, STEP)
        with st.container() if kind == OWN else st.empty():
            corpus = give_text("train") if kind == OWN else _load_text(recipe.text if kind == AS_RECIPE else kind)
        name_column, start_column, estimate_column = st.columns([4, 2, 9])
        with name_column:
            name = _name(preset)
        with st.expander("Sizes, learning rate, seed and tokenizer", key=f"train:{preset}:more"):
            changed = _change_recipe(preset, replace(recipe, steps=steps))
        with estimate_column:
            fits = corpus is not None and changed is not None and _check_recipe(changed, corpus)
        with start_column:
            st.space("small")  # as high as the label of the box beside it
            key = widgets.once(START)
            pressed = st.button("Start", type="primary", icon=":material/play_arrow:", width="stretch", key=key)
    if pressed and name and fits and changed and corpus:
        with widgets.acting(START, "Preparing the text …"):
            run = jobs.create(runs_folder(), name[0], changed, corpus, title=name[1])
            choose({RUN: run.name, NAME: None})
            st.rerun()
    elif pressed:
        has_text = kind != OWN or own_text.OWN_TEXT.text
        reason = "the message in the form says why." if has_text else "there is no text yet."
        st.toast(f"Nothing was started: {reason}", icon=":material/error:")


def _presets() -> dict[str, str]:
    """Return the presets with their descriptions, group by group; the group of `FIRST` comes first."""
    groups = sorted(GROUPS.items(), key=lambda group: FIRST not in group[1])
    return {name: f"{group} · {name}: {PRESETS[name].about}" for group, presets in groups for name in presets}


def _select(name: str, default: str, label: str, options: Mapping[str, str], help: str | None = None) -> str:
    """Draw a selectbox of the form. options: option → its label."""
    choice = Choice(f"form.{name}", options=options, default=default, label=label, help=help)
    option = choice.read()
    st.selectbox(options=list(options), format_func=options.__getitem__, **choice.bound(option))
    return option


def _number(name: str, default: Any, label: str, low: float, high: float, help: str | None, **more: Any) -> Any:
    """Draw a number input of the form, for numbers of the type of the default."""
    choice = Choice(f"form.{name}", type(default), low, high, default=default, label=label, help=help)
    number = choice.read()
    st.number_input(**choice.bound(number, **more))
    return number


def _name(preset: str) -> tuple[str, str] | None:
    """Draw the box for the name. Returns the name of the folder and the title, or None for a bad name."""
    title = NAME.read()
    free = free_name(runs_folder(), preset)
    st.text_input(placeholder=free, **NAME.bound(title))
    return check_title(title.strip(), free, preset)


def check_title(title: str, free: str, stem: str) -> tuple[str, str] | None:
    """Return the name of the folder and the title of a new run; show the error and return None for a bad title.

    free: the name if there is no title. stem: the stem of the name if no letter of the title can be used.
    """
    runs = runs_folder()
    with widgets.guarded():
        name = name_of_title(runs, title, stem) if title else free
        check_name(runs, name)
        return name, title
    return None


def _load_text(name: str) -> Corpus | None:
    with widgets.guarded():
        return load_corpus(name)
    return None


def give_text(key: str) -> Corpus | None:
    """Draw a file picker and a box for pasted text. The text is saved, so a reload keeps it. key: of the form."""
    upload, paste = st.columns(2)
    with upload:
        own_text.uploader(key)
    before = state.recall(f"{key}:pasted")
    saved = own_text.pasted() if before is None else ""
    with paste:
        pasted = st.text_area("… or paste it here", saved, key=f"{key}:paste", height=120, **PERSIST)
    state.remember(f"{key}:pasted", hash(pasted))
    if hash(pasted) != (hash(saved) if before is None else before):
        own_text.keep(own_text.PASTED, pasted.encode("utf-8", "replace")) if pasted.strip() else own_text.forget()
    try:
        corpus = own_text.kept()
    except CorpusError as error:
        st.error(widgets.plain(str(error), longest=1000), icon=":material/error:")
        return None
    if corpus is None:
        st.caption("Give a text of at least a few thousand characters: a play, your notes, a program.")
    return corpus


def _change_recipe(preset: str, recipe: Recipe) -> Recipe | None:
    """Draw the numbers and choices of a recipe. Return the changed recipe; None for values that do not fit together."""
    defaults = vars(recipe) | vars(recipe.model)
    first, second = st.columns(len(NUMBERS)), st.columns(6)
    values: dict[str, Any] = {}
    for column, (field, (label, low, high, help)) in zip(first, NUMBERS.items(), strict=True):
        with column:
            values[field] = _number(f"{preset}.{field}", defaults[field], label, low, high, help)
    with second[0]:
        help, step = widgets.TERMS["learning rate"], recipe.lr / 4
        values["lr"] = _number(f"{preset}.lr", recipe.lr, "Learning rate", 1e-6, 9.9, help, step=step, format="%g")
    with second[3]:
        help = "For the first weights and the batches."
        values["seed"] = _number(f"{preset}.seed", recipe.seed, "Seed", 0, 2**31 - 1, help)
    for column, (field, (label, options, help)) in zip((1, 2, 4, 5), SELECTS.items(), strict=True):
        with second[column]:
            values[field] = _select(f"{preset}.{field}", defaults[field], label, options, help)
    with widgets.guarded():
        return recipe.changed(**values)
    return None


def _check_recipe(recipe: Recipe, corpus: Corpus) -> bool:
    """Show the size of the model and the time it takes, or why it cannot be trained. Returns whether it can."""
    vocab_size = len(set(corpus.text)) if recipe.tokenizer == "char" else int(recipe.tokenizer.partition("-")[2])
    if recipe.start:  # a stage has its parent's tokenizer
        vocab_size = recipe.model.vocab_size
    config = replace(recipe.model, vocab_size=vocab_size)
    shape = f"{config.n_layer} × {config.n_head} heads of {config.d_head} features" if config.n_layer else "one table"
    with widgets.guarded():
        needs = check_fits(replace(recipe, model=config), runs_folder())
        st.caption(
            f"**This new run:** {needs.parameters:,} parameters ({shape}; vocabulary of {vocab_size}) on "
            f"{widgets.plain(corpus.name)}, {len(corpus.text):,} characters; the last tenth is validation text. "
            f"Training takes about {time_in_words(needs.seconds)} and {bytes_in_words(needs.memory)} of memory here."
        )
        if OBJECTIVES[recipe.objective].translates:
            split_pairs(read_pairs(corpus.text))
        elif recipe.tokenizer == "char":
            check_length(len(corpus.text), len(corpus.text), config.block_size)
        return True
    return False
