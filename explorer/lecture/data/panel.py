"""The data: the symbols of a text, tokens and vocabularies, the validation split, and training batches."""

import random
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
import torch

from explorer.choice import Choice, choose
from explorer.explore.tokens import panel as tokens
from explorer.explore.tokens.figures import split_bar
from explorer.figures.tokens import visible
from explorer.lecture.data.figures import MOST, symbol_frequencies
from explorer.lecture.kit.controls import chapter, metrics, show_cell, unroll
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.navigation import PAGES
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.shared.prompt import stand_in_of
from gpt import BPETokenizer, CharTokenizer, Corpus
from gpt.lecture import examples
from gpt.text.batches import draw_batch, split_ids

if TYPE_CHECKING:
    from gpt.text.tokenizer import Tokenizer

BYTES = 256  # the first tokens of every byte-pair encoding
EXCERPT = Choice("excerpt", int, 1, default=1, label="Excerpt")
LENGTH = 400  # characters of an excerpt
AROUND = 160  # characters before and after the split
LINE = Choice("line", high=80, default="hii there", label="encode: text to ids")  # the lecture's
IDS = Choice("ids", high=300, label="decode: ids to text")
SHORTER = {"not at all": 1.0} | {f"{times:g} ×": times for times in (1.2, 1.5, 2.0, 4.0, 8.0)}


@chapter(
    "The text",
    "0:07:52",
    "Read excerpts until you know what a model has to imitate here. Then choose another text above, or give your own.",
)
def text(corpus: Corpus) -> None:
    """The text's size, its symbols with their frequencies, and an excerpt."""
    counts = texts.frequencies(corpus.text)
    first = next(iter(counts))
    values = {
        "Characters": f"{len(corpus.text):,}",
        "Different symbols": f"{len(counts):,}",
        "Lines": f"{len(corpus.text.splitlines()):,}",
        "Most frequent symbol": f"{visible(first)}  {counts[first] / len(corpus.text):.1%}",
    }
    metrics(values)
    chart(symbol_frequencies(counts), key="data:symbols", alt="How often each symbol is in the text")
    rest = f" The figure has the {MOST} most frequent of {len(counts):,} symbols." if len(counts) > MOST else ""
    st.caption(f"Source: {widgets.plain(corpus.source, longest=300)}. `·` is a space, `⏎` a new line.{rest}")
    with st.expander(f"The alphabet: {len(counts):,} symbols"):
        st.code(" ".join(visible(symbol) for symbol in sorted(counts)), language=None, wrap_lines=True)
    seed, start = _excerpt(corpus.text)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Another excerpt", icon=":material/casino:", on_click=choose, args=({EXCERPT: seed + 1},))
        st.markdown(f"Excerpt {seed}, from character {start:,}")
    st.code(corpus.text[start : start + LENGTH], language=None, wrap_lines=True, height=260)
    show_cell("data/alphabet", CharTokenizer.from_text)


def _excerpt(text: str) -> tuple[int, int]:
    """The excerpt's number, and its first character's."""
    seed = EXCERPT.read()
    return seed, random.Random(seed).randrange(max(1, len(text) - LENGTH))


@chapter(
    "Tokens: a larger vocabulary, a shorter text",
    "0:09:28",
    "A tokenizer can make each character a token, or join frequent neighbours, like byte-pair encoding (BPE).",
    f"First guess: a vocabulary of {tokens.SIZE} has {BYTES} bytes and {tokens.SIZE - BYTES} joined tokens. How much "
    "shorter is the excerpt above, measured in its tokens?",
)
def vocabulary(corpus: Corpus) -> None:
    """How much shorter the excerpt is with larger vocabularies."""
    _encode_and_decode(corpus)
    label = "Cut any line into tokens, on the Tokens page"
    st.page_link(PAGES / "tokens.py", label=label, icon=":material/data_array:")
    guessed = guess("data:vocabulary", "The excerpt becomes shorter", SHORTER)
    if guessed is None:
        return
    _, start = _excerpt(corpus.text)
    excerpt = corpus.text[start : start + LENGTH]
    with st.spinner("Training byte-pair encodings on this text …"):
        largest = max(texts.byte_pairs(corpus.text))
    size = min(tokens.SIZE, largest)
    lengths = tokens.draw_vocabularies(corpus, excerpt, size, tokens.load_gpt2_vocabulary())
    characters, joined, shortest = (lengths[name] for name in ("characters", f"BPE {size:,}", f"BPE {largest:,}"))
    show_verdict("data:vocabulary", guessed, characters / joined, SHORTER)
    st.caption(
        f"The excerpt has {characters} characters, and {joined} tokens of a vocabulary of "
        f"{size:,}: {characters / joined:.2f} × shorter. With {largest:,} it is {characters / shortest:.2f} × "
        f"shorter, and the model's embedding has {largest / size:.0f} × the rows."
    )
    show_cell("data/merge", BPETokenizer.train)


def _encode_and_decode(corpus: Corpus) -> None:
    """A text box with its ids, and a box of ids with their text."""
    tokenizer = texts.characters(corpus.text)
    line = LINE.read()
    ids = tokenizer.encode(line, replace=stand_in_of(tokenizer))
    numbers = IDS.read(default=", ".join(map(str, ids)))
    left, right = st.columns(2, gap="medium")
    with left:
        st.text_input(**LINE.bound(line))
        st.code(str(ids), language=None, wrap_lines=True)
    with right:
        st.text_input(**IDS.bound(numbers))
        with widgets.guarded():
            st.code(tokenizer.decode(_whole_numbers(numbers)) or " ", language=None, wrap_lines=True)
    show_cell("data/encode", CharTokenizer.encode, CharTokenizer.decode, title="Show the code of encode and decode")


def _whole_numbers(line: str) -> list[int]:
    """The ids in a line. Raises ValueError if there is anything else between the commas."""
    try:
        return [int(part) for part in line.replace("[", "").replace("]", "").split(",") if part.strip()]
    except ValueError:
        raise ValueError(f"{line!r} is no list of ids; type whole numbers with commas, such as 46, 47") from None


@chapter(
    "The split: nine tenths for training",
    "0:09:28",
    "Read both sides of the split. The model never trains on the right side. Its loss there shows what it learned "
    "beyond memorising.",
)
def cut(corpus: Corpus) -> None:
    """The text's split into training and validation text."""
    at = _first_validation(corpus)
    chart(split_bar(len(corpus.text), at, []), key="data:cut", alt="The split of the text")
    left, right = st.columns(2, gap="medium")
    left.markdown("**The training text ends**")
    left.code(corpus.text[max(0, at - AROUND) : at], language=None, wrap_lines=True, height=180)
    right.markdown("**The validation text begins**")
    right.code(corpus.text[at : at + AROUND], language=None, wrap_lines=True, height=180)
    st.caption(f"{at:,} characters for training, {len(corpus.text) - at:,} for validation.")
    show_cell("data/split", split_ids)


def _first_validation(corpus: Corpus) -> int:
    train, _ = split_ids(torch.arange(len(corpus.text)))
    return len(train)


@chapter(
    "Batches: B chunks of T tokens",
    "0:14:27",
    "Sample a batch, choose a row, and step through it. One chunk has T examples, one for every length of context.",
)
def batches(corpus: Corpus) -> None:
    """A batch of chunks from the training text, and the examples of one chunk."""
    batch_size, block_size, seed = tokens.pick_batch()
    tokenizer = texts.characters(corpus.text)
    positions = texts.batch(_first_validation(corpus), batch_size, block_size, seed)
    left, right = st.columns(2, gap="medium")
    with left:
        row, chunk = tokens.draw_chunks(corpus.text, tokenizer, positions)
    with right:
        st.markdown(f"**Row {row + 1}, example by example** · context → target")
        unroll("data", block_size - 1, partial(_examples, tokenizer, chunk))
    show_cell("data/get_batch", draw_batch, examples, CharTokenizer.encode)


def _examples(tokenizer: "Tokenizer", chunk: Sequence[str], at: int) -> None:
    tokens.draw_examples(tokenizer, list(chunk[: at + 2]))
    context, target = visible("".join(chunk[: at + 1])), visible(chunk[at + 1])
    st.caption(f"The model reads “{widgets.plain(context)}” and has to predict “{widgets.plain(target)}”.")
