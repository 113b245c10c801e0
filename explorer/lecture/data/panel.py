"""The data: what a text is made of, what a vocabulary buys, where the text is cut, and the batches that training reads."""

import random
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
import torch

from explorer import state
from explorer.explore.tokens import panel as tokenizing
from explorer.explore.tokens.figures import split_bar
from explorer.figures.tokens import visible
from explorer.lecture.data.figures import MOST, symbol_frequencies
from explorer.lecture.kit.controls import after_guess, chapter, guess, metrics, show_code, unroll
from explorer.navigation import PAGES
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from gpt import CharTokenizer, Corpus
from gpt.lecture import examples
from gpt.text.batches import draw_batch, split_ids

if TYPE_CHECKING:
    from gpt.text.tokenizer import Tokenizer

BYTES = 256  # the single bytes, with which every byte-pair encoding begins
EXCERPT = 400  # characters
AROUND = 160  # characters on either side of the cut
SHORTER = ("not at all", "1.2 ×", "1.5 ×", "2 ×", "4 ×", "8 ×")


def text(corpus: Corpus) -> None:
    """Its size, its symbols and how often they stand, and an excerpt."""
    if not chapter(
        "The text",
        "0:07:52",
        "Draw excerpts until you know what a model has to imitate here. Then choose another text above, or give your own.",
    ):
        return
    counts = texts.frequencies(corpus.text)
    commonest = next(iter(counts))
    share = counts[commonest] / len(corpus.text)
    values = {
        "Characters": f"{len(corpus.text):,}",
        "Different symbols": f"{len(counts):,}",
        "Lines": f"{len(corpus.text.splitlines()):,}",
        "Commonest symbol": f"{visible(commonest)}  {share:.1%}",
    }
    metrics(values)
    chart(symbol_frequencies(counts), key="data:symbols", alt="How often each symbol stands in the text")
    rest = f" Of {len(counts):,} symbols, the {MOST} commonest are drawn." if len(counts) > MOST else ""
    st.caption(f"Source: {widgets.plain(corpus.source, longest=300)}. `·` is a space, `⏎` a new line.{rest}")
    with st.expander(f"The alphabet: {len(counts):,} symbols"):
        st.code(" ".join(visible(symbol) for symbol in sorted(counts)), language=None, wrap_lines=True)
    seed, start = _excerpt(corpus.text)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Another excerpt", icon=":material/casino:", on_click=state.choose, kwargs={"excerpt": seed + 1})
        st.markdown(f"Excerpt {seed}, from character {start:,} on")
    st.code(corpus.text[start : start + EXCERPT], language=None, wrap_lines=True, height=260)


def _excerpt(text: str) -> tuple[int, int]:
    """The excerpt's number, and the character that it begins with."""
    seed = state.number("excerpt") or 1
    return seed, random.Random(seed).randrange(max(1, len(text) - EXCERPT))


def vocabulary(corpus: Corpus) -> None:
    """How much shorter the excerpt gets under larger vocabularies."""
    size = tokenizing.SIZE
    if not chapter(
        "Tokens: a larger vocabulary, a shorter text",
        "0:09:28",
        "A tokenizer may take each character for a token, or join frequent neighbours, as byte-pair encoding (BPE) does. "
        f"First guess: how much shorter does a vocabulary of {size} ({BYTES} bytes and {size - BYTES} joined tokens) make the excerpt "
        "above, measured in tokens?",
    ):
        return
    st.page_link(
        PAGES / "tokens.py", label="Cut any line into tokens, on the Tokens page", icon=":material/data_array:"
    )
    guessed = guess("data:vocabulary", "The excerpt becomes shorter", SHORTER)
    if guessed is None:
        return
    _, start = _excerpt(corpus.text)
    excerpt = corpus.text[start : start + EXCERPT]
    with st.spinner("Training byte-pair encodings on this text …"):
        size = min(size, max(texts.byte_pairs(corpus.text)))
    lengths = tokenizing.vocabulary_figure(corpus, excerpt, size, tokenizing.gpt2_vocabulary())
    largest = max(texts.byte_pairs(corpus.text))
    characters, joined, shortest = (lengths[name] for name in ("characters", f"BPE {size:,}", f"BPE {largest:,}"))
    st.caption(
        f"{after_guess(guessed)}The excerpt has {characters} characters, and {joined} tokens of a vocabulary of {size:,}: "
        f"{characters / joined:.2f} × shorter. With {largest:,} it gets {characters / shortest:.2f} × shorter, for "
        f"{largest / size:.0f} × the rows in a model's embedding."
    )


def cut(corpus: Corpus) -> None:
    """Where the text is cut in training and validation text."""
    if not chapter(
        "The cut: nine tenths to learn from",
        "0:09:28",
        "Read both sides of the cut. The model never trains on the right side, so its loss there shows what it learned beyond memorising.",
    ):
        return
    at = _first_held_out(corpus)
    chart(split_bar(len(corpus.text), at, []), key="data:cut", alt="Where the text is cut")
    left, right = st.columns(2, gap="medium")
    left.markdown("**The training text ends**")
    left.code(corpus.text[max(0, at - AROUND) : at], language=None, wrap_lines=True, height=180)
    right.markdown("**The validation text begins**")
    right.code(corpus.text[at : at + AROUND], language=None, wrap_lines=True, height=180)
    st.caption(f"{at:,} characters train, {len(corpus.text) - at:,} validate.")
    show_code(split_ids)


def _first_held_out(corpus: Corpus) -> int:
    train, _ = split_ids(torch.arange(len(corpus.text)))
    return len(train)


def batches(corpus: Corpus) -> None:
    """A batch of chunks from the training text, and one chunk unrolled, example by example."""
    if not chapter(
        "Batches: B chunks of T tokens",
        "0:14:27",
        "Draw a batch, choose a row, and step through it: one chunk holds T examples, one for every length of context.",
    ):
        return
    batch_size, block_size, seed = tokenizing.batch_controls()
    tokenizer = texts.characters(corpus.text)
    positions = texts.batch(_first_held_out(corpus), batch_size, block_size, seed)
    left, right = st.columns(2, gap="medium")
    with left:
        row, chunk = tokenizing.chosen_chunk(corpus.text, tokenizer, positions)
    with right:
        st.markdown(f"**Row {row + 1}, example by example** · context → target")
        unroll("data", block_size - 1, partial(_examples, tokenizer, chunk))
    show_code(draw_batch, examples, CharTokenizer.encode)


def _examples(tokenizer: "Tokenizer", chunk: Sequence[str], at: int) -> None:
    tokenizing.examples(tokenizer, list(chunk[: at + 2]))
    read, asked = visible("".join(chunk[: at + 1])), visible(chunk[at + 1])
    st.caption(f"Having read “{widgets.plain(read)}”, the model is asked for “{widgets.plain(asked)}”.")
