"""Encoder and decoder: the model and the source that the page translates."""

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import streamlit as st

from explorer.choice import Choice, choose
from explorer.lecture.kit.controls import WALK, chapter
from explorer.opened import Opened, open_model
from explorer.shared import texts, widgets
from explorer.shared.cache import cached
from explorer.shared.choices import TRANSLATOR
from explorer.shared.model_list import models
from gpt.lens.alignment import on_dates, watch
from gpt.text.dates import read_date
from gpt.text.pairs import BETWEEN

if TYPE_CHECKING:
    from gpt import Seq2Seq

SHIPPED, TASK = "translate", "dates"
EXAMPLES = (
    "twenty-third of march, 1984", "july fourth, 1776", "2024, twenty-ninth of february", "may first, 1886",
    "eleventh of november, 1918",
)  # fmt: skip
SOURCE = Choice("source", label="Source")


class Translation(NamedTuple):
    """A source, its greedy translation, and the attention of each step."""

    source: tuple[str, ...]  # S tokens
    read: tuple[str, ...]  # T: the last token that the decoder read at each step, first the start
    written: tuple[str, ...]  # T: the token of each step, at last the end
    patterns: dict[str, np.ndarray]  # "encoder", "decoder", "cross" → (n_layer, n_head, queries, keys)
    probabilities: np.ndarray  # (T, vocab_size)


@cached(max_entries=64, max_size="64MB")
def translation(opened: Opened, source: str) -> Translation:
    """Translate a source greedily. Raises ValueError if the model does not know a character, or it is too long."""
    seen = watch(cast("Seq2Seq", opened.model), source, opened.tokenizer)
    patterns = {kind: pattern.numpy() for kind, pattern in seen.patterns.items()}
    tokens_of = opened.tokenizer.tokens
    source_tokens, read, written = (tuple(tokens_of(ids)) for ids in (seen.source, seen.read, seen.written))
    return Translation(source_tokens, read, written, patterns, seen.probabilities.numpy())


@cached(max_entries=16)
def alignments(opened: Opened) -> dict[str, np.ndarray]:
    """How well each head's cross-attention is aligned on dates, as `gpt.lens.alignment.on_dates` measures it."""
    measures = on_dates(cast("Seq2Seq", opened.model), opened.tokenizer)
    return {name: values.numpy() for name, values in measures.items()}


class Subject(NamedTuple):
    """A model, a source, and its translation."""

    opened: Opened
    source: str
    translation: Translation
    is_dates: bool  # the model was trained on dates, so the source characters of each digit are known


@chapter(
    "Translate a date",
    "1:42:39",
    "Type a date in words, or take one of the examples, and step through its translation.",
)
def pick_subject() -> Subject | None:
    """Let the person choose the model, where there are several, and the source. None without anything to translate.

    Raises ValueError if the model cannot be opened, or does not know a character of the source.
    """
    ref = _model()
    if ref is None:
        return None
    opened = open_model(ref)
    run = opened.run
    is_dates = (run.recipe.text, run.recipe.tokenizer) == (TASK, "char")
    examples = EXAMPLES if is_dates else _validation_sources(opened)
    limit = run.recipe.model.block_size
    source = SOURCE.read(high=limit, default=examples[0])
    st.text_input(**SOURCE.bound(source, along={WALK: None}, max_chars=limit))
    with st.container(horizontal=True):
        for example in examples:
            choices = {SOURCE: example, WALK: None}
            st.button(widgets.plain(example), key=f"translate:{example}", on_click=choose, args=(choices,))
    source = " ".join(source.lower().split()) if is_dates else source
    if not source:
        widgets.empty_state("There is nothing to translate.", "Type a date in words, or take an example.")
        return None
    unknown = run.tokenizer.unknown(source)
    if unknown:
        raise ValueError(
            f"{' '.join(unknown)} {'are' if len(unknown) > 1 else 'is'} not in this model's alphabet; write the "
            f"source in these characters: {run.tokenizer.decode(range(run.tokenizer.vocab_size)).strip()}"
        )
    if is_dates:
        _check(source)
    with st.spinner("Translating …"):
        return Subject(opened, source, translation(opened, source), is_dates)


def _model() -> str | None:
    """The shipped model, until the person picks another; None where there is no model."""
    listed = {ref: each for ref, each in models().items() if each.translates}
    names = sorted(listed, key=lambda ref: ref != SHIPPED)
    if not names:
        widgets.empty_state("There is no model that translates yet.", "Train one below; it opens here.")
        return None
    shown, sentence = TRANSLATOR.check(options=names, default=names[0])
    if sentence:
        st.warning(sentence, icon=":material/search_off:")
    if len(names) > 1:
        options = {name: listed[name].label for name in names}
        st.selectbox(options=options, format_func=options.__getitem__, **TRANSLATOR.bound(shown, options))
    return shown


def _validation_sources(opened: Opened) -> tuple[str, ...]:
    """The first sources of the validation text."""
    lines = texts.parts(opened)[1].splitlines()[1:6]
    return tuple(dict.fromkeys(line.partition(BETWEEN)[0] for line in lines))


def _check(source: str) -> None:
    """Warn if a source is not a date that the model was trained on. The model translates it all the same."""
    try:
        read_date(source)
    except ValueError as error:
        advice = "The model was not trained on such text; its translation is below."
        st.warning(f"{widgets.plain(str(error), longest=400)}\\. {advice}", icon=":material/help:")
