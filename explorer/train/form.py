"""The controls of a new run: which text, which recipe, and what to change of it."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import streamlit as st

from explorer import state
from explorer.shared import loading, own_text, widgets
from explorer.shared.own_text import OWN
from explorer.train import jobs
from gpt import CORPORA, PRESETS, Corpus, Recipe, load_corpus
from gpt.text.batches import check_length
from gpt.text.corpus import CorpusError
from gpt.text.pairs import read_pairs, split_pairs
from gpt.train.estimate import check_fits
from gpt.train.machine import bytes_in_words, time_in_words
from gpt.train.presets import GROUPS

FIRST = "quick"
START = "train:start"  # the button, for `widgets.acting`
AS_RECIPE = "the recipe's own"
TOKENIZERS = {"char": "characters", "bpe-512": "BPE, 512 tokens"}
OPTIMIZERS = {"adamw": "AdamW", "muon": "Muon"}
NORMS = {"pre": "layernorm before a part", "post": "layernorm after it", "batch": "batchnorm before", "none": "none"}
KEPT = {"persist_state": "session"}
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Order:
    """What the person asks for: a recipe that is sound, its text, the name of the run, and its title."""

    name: str
    title: str
    recipe: Recipe
    corpus: Corpus


def recipe_form() -> Order | None:
    """Draw the controls. Returns what to train when the person has pressed Start, and None until then.

    Start can always be pressed: a click on it is also what ends the typing in a box. What cannot be trained is explained beside its
    control, and not started. The address has what the person has changed, so a reload keeps it.
    """
    with st.container(border=True):
        text, choice, length = st.columns([4, 8, 3], vertical_alignment="bottom")
        with choice:
            preset = _one_of("Recipe", _ordered(), "recipe", FIRST, _described)
        with text:
            kind = _one_of("Text", [AS_RECIPE, *CORPORA, OWN], "text", AS_RECIPE)
        start = PRESETS[preset]
        with length:
            steps = _number("Steps", f"{preset}.steps", 1, 1_000_000, start.steps, STEP)
        with st.container() if kind == OWN else st.empty():
            corpus = give_text("train") if kind == OWN else _known_text(start.text if kind == AS_RECIPE else kind)
        naming, starting, said = st.columns([4, 2, 9])
        with naming:
            named = _name(preset)
        with st.expander("Sizes, learning rate, seed and tokenizer", key=f"train:{preset}:more"):
            chosen = _sizes(preset, replace(start, steps=steps))
        with said:
            good = corpus is not None and chosen is not None and _checked(chosen, corpus)
        with starting:
            st.space("small")  # as high as the label of the box beside it
            pressed = st.button(
                "Start", type="primary", icon=":material/play_arrow:", width="stretch", key=widgets.once(START)
            )
    if pressed and named and good:
        return Order(*named, chosen, corpus)
    if pressed:
        why = "there is no text yet." if kind == OWN and not state.choice("own") else "the message beside it says why."
        st.toast(f"Nothing was started: {why}", icon=":material/error:")
    return None


def _ordered() -> list[str]:
    """The names of the presets, group by group; the group of the first choice comes first."""
    groups = sorted(GROUPS.values(), key=lambda presets: FIRST not in presets)
    return [name for presets in groups for name in presets]


def _described(preset: str) -> str:
    group = next(group for group, presets in GROUPS.items() if preset in presets)
    return f"{group} · {preset}: {PRESETS[preset].about}"


def _one_of(
    label: str, options: list[str], part: str, default: str, describe: Any = str, help: str | None = None
) -> str:
    """A choice of several in the form. part: its name in the address."""
    wanted = state.choice(f"form.{part}")
    shown = wanted if wanted in options else default
    return st.selectbox(label, options, format_func=describe, help=help, **state.bound(f"form.{part}", shown))


def _number(label: str, part: str, low: Number, high: Number, default: Number, help: str, **more: Any) -> Number:
    wanted = state.decimal(f"form.{part}")
    shown = default if wanted is None else type(default)(min(max(wanted, low), high))
    return st.number_input(label, low, high, help=help, **more, **state.bound(f"form.{part}", shown))


def _name(preset: str) -> tuple[str, str] | None:
    """The name of the run's folder and its title; None where what the person typed cannot be one."""
    runs = loading.runs_folder()
    free = jobs.free_name(runs, preset)
    title = (state.choice("form.name") or "").strip()
    st.text_input("Name of the run", placeholder=free, **state.bound("form.name", state.choice("form.name") or ""))
    with widgets.guarded():
        name = jobs.name_for(runs, title, preset) if title else free
        jobs.check_name(runs, name)
        return name, title
    return None


def _known_text(name: str) -> Corpus | None:
    with widgets.guarded():
        return load_corpus(name)
    return None


def give_text(key: str) -> Corpus | None:
    """A file or pasted text. The text is kept, as a file picker forgets it on a reload. key: of the form that asks for it."""
    upload, paste = st.columns(2)
    with upload:
        own_text.uploader(key)
    seen = state.recall(f"{key}:pasted")
    first = own_text.pasted() if seen is None else ""
    with paste:
        pasted = st.text_area("… or paste it here", first, key=f"{key}:paste", height=120, **KEPT)
    state.remember(f"{key}:pasted", hash(pasted))
    if hash(pasted) != (hash(first) if seen is None else seen):
        own_text.keep(own_text.PASTED, pasted.encode("utf-8", "replace")) if pasted.strip() else own_text.forget()
    try:
        corpus = own_text.kept()
    except CorpusError as error:
        st.error(widgets.plain(str(error), longest=1000), icon=":material/error:")
        return None
    if corpus is None:
        st.caption("Give a text of at least a few thousand characters: a play, your notes, a program.")
    return corpus


def _sizes(preset: str, recipe: Recipe) -> Recipe | None:
    """The recipe with the person's changes. Every preset remembers its own."""
    model = recipe.model

    def number(label: str, field: str, low: int, high: int, value: int, help: str) -> int:
        return _number(label, f"{preset}.{field}", low, high, value, help)

    def choose(label: str, field: str, options: dict[str, str], value: str, help: str) -> str:
        return _one_of(label, list(options), f"{preset}.{field}", value, options.get, help)

    first, second = st.columns(5), st.columns(5)
    with first[0]:
        n_layer = number(
            "Layers (n_layer)", "n_layer", 0, 48, model.n_layer, "0 is the bigram table, which has no heads."
        )
    with first[1]:
        n_head = number("Heads a layer (n_head)", "n_head", 1, 64, model.n_head, widgets.TERMS["head"])
    with first[2]:
        n_embd = number(
            "Features (n_embd)", "n_embd", 1, 4096, model.n_embd, "Numbers for one token; the heads share them out."
        )
    with first[3]:
        block_size = number(
            "Context (block_size)",
            "block_size",
            1,
            4096,
            model.block_size,
            "The most tokens that the model sees at once.",
        )
    with first[4]:
        batch_size = number(
            "Batch size", "batch_size", 1, 1024, recipe.batch_size, "Chunks of text that one step learns from."
        )
    with second[0]:
        help = widgets.TERMS["learning rate"]
        lr = _number("Learning rate", f"{preset}.lr", 1e-6, 9.9, recipe.lr, help, step=recipe.lr / 4, format="%g")
    with second[1]:
        optimizer = choose("Optimizer", "optimizer", OPTIMIZERS, recipe.optimizer, widgets.TERMS["optimizer"])
    with second[2]:
        hint = "What the text is cut into before the model reads it."
        tokenizer = choose("Tokenizer", "tokenizer", TOKENIZERS, recipe.tokenizer, hint)
    with second[3]:
        seed = number("Seed", "seed", 0, 2**31 - 1, recipe.seed, "Of the first weights and of the batches.")
    with second[4]:
        hint = "What keeps the numbers in the stream at one size, so that deep models train."
        norm = choose("Norm", "norm", NORMS, model.norm, hint)
    with widgets.guarded():
        return replace(
            recipe,
            model=replace(model, n_layer=n_layer, n_head=n_head, n_embd=n_embd, block_size=block_size, norm=norm),
            batch_size=batch_size, lr=lr, optimizer=optimizer, tokenizer=tokenizer, seed=seed,
        )  # fmt: skip
    return None


def _checked(recipe: Recipe, corpus: Corpus) -> bool:
    """Say how large the model will be and how long it takes, and what is in the way of training it. Returns whether nothing is."""
    symbols = len(set(corpus.text))
    vocab_size = symbols if recipe.tokenizer == "char" else int(recipe.tokenizer.partition("-")[2])
    if recipe.start:  # a stage speaks its parent's tokens
        vocab_size = recipe.model.vocab_size
    config = replace(recipe.model, vocab_size=vocab_size)
    shape = f"{config.n_layer} × {config.n_head} heads of {config.d_head} features" if config.n_layer else "one table"
    with widgets.guarded():
        needs = check_fits(replace(recipe, model=config), loading.runs_folder())
        st.caption(
            f"**This new run:** {needs.parameters:,} parameters ({shape}; vocabulary of {vocab_size}) on {widgets.plain(corpus.name)}, "
            f"{len(corpus.text):,} characters; the last tenth is for validation. Training takes roughly "
            f"{time_in_words(needs.seconds)} and {bytes_in_words(needs.memory)} of memory here."
        )
        if recipe.objective == "translation":
            split_pairs(read_pairs(corpus.text))
            return True
        if recipe.tokenizer == "char":
            check_length(len(corpus.text), len(corpus.text), config.block_size)
        return True
    return False


STEP = "One step: draw a batch, measure the loss, change every weight a little."
