"""The controls of a new run: which text, which recipe, and what to change of it."""

from dataclasses import dataclass, replace

import streamlit as st
import torch

from explorer import jobs, loading, state, widgets
from gpt import CORPORA, PRESETS, Corpus, GPTConfig, Recipe, build_model, load_corpus
from gpt.text.corpus import CorpusError, corpus_from_bytes
from gpt.text.pairs import read_pairs, split_pairs

FIRST = "quick"
AS_RECIPE, OWN = "the recipe's own", "your own text"
TOKENIZERS = {"char": "characters", "bpe-512": "BPE, 512 tokens"}
OPTIMIZERS = {"adamw": "AdamW", "muon": "Muon"}
NORMS = {"pre": "layernorm before a part", "post": "layernorm after it", "batch": "batchnorm before", "none": "none"}
KEPT = {"persist_state": "session"}


@dataclass(frozen=True)
class Order:
    """What the person asks for: a recipe that is sound, its text, and the name of the run."""

    name: str
    recipe: Recipe
    corpus: Corpus


def recipe_form() -> Order | None:
    """Draw the controls. Returns what to train when the person has pressed Start, and None until then.

    What cannot be trained is explained under the controls, and cannot be started.
    """
    text, recipe, steps, name, start_button = st.columns([4, 7, 3, 4, 2], vertical_alignment="bottom")
    with recipe:
        names = sorted(PRESETS, key=lambda preset: preset != FIRST)
        preset = st.selectbox("Recipe", names, format_func=_described, key="train:recipe", **KEPT)
    with text:
        kind = st.selectbox("Text", [AS_RECIPE, *CORPORA, OWN], key="train:text", **KEPT)
    start = PRESETS[preset]
    with steps:
        count = st.number_input("Steps", 1, 1_000_000, start.steps, key=f"train:{preset}:steps", help=STEP, **KEPT)
    with name:
        free = jobs.free_name(loading.runs_folder(), preset)
        key = f"train:name:{state.recall('train:started')}"  # a started run empties the box
        wanted = st.text_input("Name of the run", key=key, placeholder=free, **KEPT)
    with st.container() if kind == OWN else st.empty():
        corpus = own_text("train") if kind == OWN else _known_text(start.text if kind == AS_RECIPE else kind)
    with st.expander("Sizes, learning rate, seed and tokenizer", key=f"train:{preset}:more"):
        chosen = _sizes(preset, replace(start, steps=count))
    order = _checked(wanted.strip() or free, chosen, corpus) if corpus and chosen else None
    with start_button:
        pressed = st.button(
            "Start", type="primary", icon=":material/play_arrow:", disabled=order is None, width="stretch"
        )
    return order if pressed else None


def _described(preset: str) -> str:
    return f"{preset}: {PRESETS[preset].about}"


def _known_text(name: str) -> Corpus | None:
    with widgets.guarded():
        return load_corpus(name)
    return None


def own_text(key: str) -> Corpus | None:
    """A file or pasted text; the text is kept for the session, as a file picker forgets. key: of the form it stands in."""
    upload, paste = st.columns(2)
    with upload:
        file = st.file_uploader(
            "A plain text file", key=f"{key}:file", help="UTF-8, UTF-16 or UTF-32; at most 20 MB in UTF-8. It stays on this machine."
        )
    with paste:
        pasted = st.text_area("… or paste it here", key=f"{key}:paste", height=120, **KEPT)
    try:
        if pasted.strip():
            state.remember(f"{key}:own", corpus_from_bytes("pasted text", pasted.encode("utf-8", "replace")))
        elif file is not None:
            state.remember(f"{key}:own", corpus_from_bytes(file.name, file.getvalue()))
    except CorpusError as error:
        st.error(widgets.plain(str(error), longest=1000), icon=":material/error:")
        return None
    corpus = state.recall(f"{key}:own")
    if corpus is None:
        st.caption("Give a text of at least a few thousand characters: a play, your notes, a program.")
    return corpus


def _sizes(preset: str, recipe: Recipe) -> Recipe | None:
    """The recipe with the person's changes. Every preset remembers its own."""
    model = recipe.model

    def number(label: str, low: int, high: int, value: int, help: str | None = None) -> int:
        return st.number_input(label, low, high, value, key=f"train:{preset}:{label}", help=help, **KEPT)

    def choose(label: str, options: dict[str, str], value: str, help: str) -> str:
        keys = list(options)
        return st.selectbox(
            label, keys, keys.index(value), format_func=options.get, help=help, key=f"train:{preset}:{label}", **KEPT
        )

    first = st.columns(5)
    with first[0]:
        n_layer = number("Layers (n_layer)", 0, 48, model.n_layer, "0 is the bigram table, which has no heads.")
    with first[1]:
        n_head = number("Heads a layer (n_head)", 1, 64, model.n_head, widgets.TERMS["head"])
    with first[2]:
        n_embd = number(
            "Features (n_embd)", 1, 4096, model.n_embd, "Numbers that stand for a token; the heads share them out."
        )
    with first[3]:
        block_size = number(
            "Context (block_size)", 1, 4096, model.block_size, "The most tokens that the model sees at once."
        )
    with first[4]:
        batch_size = number("Batch size", 1, 1024, recipe.batch_size, "Chunks of text that one step learns from.")
    second = st.columns(5)
    with second[0]:
        lr = st.number_input(
            "Learning rate", 1e-6, 9.9, recipe.lr, recipe.lr / 4, format="%g", help=widgets.TERMS["learning rate"],
            key=f"train:{preset}:lr", **KEPT,
        )  # fmt: skip
    with second[1]:
        optimizer = choose("Optimizer", OPTIMIZERS, recipe.optimizer, widgets.TERMS["optimizer"])
    with second[2]:
        tokenizer = choose("Tokenizer", TOKENIZERS, recipe.tokenizer, "What the text is cut into before the model reads it.")
    with second[3]:
        seed = number("Seed", 0, 2**31 - 1, recipe.seed, "Of the first weights and of the batches.")
    with second[4]:
        norm = choose("Norm", NORMS, model.norm, "What keeps the numbers in the stream at one size, so that deep models train.")
    with widgets.guarded():
        return replace(
            recipe,
            model=replace(model, n_layer=n_layer, n_head=n_head, n_embd=n_embd, block_size=block_size, norm=norm),
            batch_size=batch_size, lr=lr, optimizer=optimizer, tokenizer=tokenizer, seed=seed,
        )  # fmt: skip
    return None


def _checked(name: str, recipe: Recipe, corpus: Corpus) -> Order | None:
    """Say how large the model will be, and what stands against training it."""
    symbols = len(set(corpus.text))
    vocab_size = symbols if recipe.tokenizer == "char" else int(recipe.tokenizer.partition("-")[2])
    if recipe.start:  # a stage speaks its parent's tokens
        vocab_size = recipe.model.vocab_size
    config = replace(recipe.model, vocab_size=vocab_size)
    shape = f"{config.n_layer} × {config.n_head} heads of {config.d_head} features" if config.n_layer else "one table"
    with widgets.guarded():
        st.caption(
            f"**{n_params(config, recipe.objective):,} parameters** ({shape}; vocabulary of {vocab_size}) on {widgets.plain(corpus.name)}: "
            f"{len(corpus.text):,} characters, the last tenth held out for validation."
        )
        jobs.check_name(loading.runs_folder(), name)
        if recipe.objective == "translation":
            split_pairs(read_pairs(corpus.text))
            return Order(name, recipe, corpus)
        held_out = len(corpus.text) - int(0.9 * len(corpus.text))
        if held_out <= config.block_size:
            raise ValueError(
                f"this text is too short: the tenth that is held out for validation has {held_out} characters, and a context of "
                f"{config.block_size} needs more; give a longer text, or a smaller context"
            )
        return Order(name, recipe, corpus)
    return None


def n_params(config: GPTConfig, objective: str = "language") -> int:
    """How many numbers such a model would train, without making room for them. objective: a recipe's."""
    with torch.device("meta"):
        return build_model(config, objective).n_params


STEP = "One step: draw a batch, measure the loss, change every weight a little."
