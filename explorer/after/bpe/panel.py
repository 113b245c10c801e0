"""The GPT tokenizer: merges step by step, a vocabulary from one's own text, and texts that are hard to cut."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from explorer.after.bpe.figures import pair_counts
from explorer.choice import Choice
from explorer.components.token_cells import chips
from explorer.explore.tokens import panel as tokens
from explorer.figures.tokens import visible
from explorer.lecture.kit.controls import chapter, metrics, pick, show_cell, unroll
from explorer.lecture.kit.exercise import ask_option
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from gpt import BPETokenizer, Corpus
from gpt.after.bpe import Merge, Pair, count_pairs, merge, merges, split_words
from gpt.text.alphabet import read_labels

if TYPE_CHECKING:
    from gpt.text.tokenizer import Tokenizer

LETTERS = Choice(
    "merged", high=200, default="she sells sea shells by the sea shore", label="Text",
    help="Up to 200 characters. Words that share pieces have merges to find.",
)  # fmt: skip
MOST, SHOWN, ASKED = 20, 8, 4  # merges; pairs in the picture; pairs to pick from
NEWEST = 60  # tokens of a vocabulary that are shown
SAMPLE = 100_000  # characters of the text that are measured
EXAMPLES = {
    "numbers": "127 + 677 = 804, and 1234567 + 1 = 1234568",
    "spaces": "for i in range(3):\n        if i:\n            print(i)",
    "emoji": "I ❤️ pizza 🍕 and 👩🏽‍🚀",
    "Chinese": "你好，世界！The same greeting: hello, world!",
    "capitals": "egg Egg EGG an egg.egg",
}
EXAMPLE = Choice("cut-text", options=tuple(EXAMPLES), default="numbers", label="Example")
LECTURE = "https://www.youtube.com/watch?v=zduSFxRajkE"


@chapter("Merge by merge", "bpe", "At first every byte is a token. Predict the pair that is merged next, then step.")
def merging() -> None:
    """A text after each merge, a prediction of the next pair, and the counts that decide it."""
    text = LETTERS.read()
    st.text_input(**LETTERS.bound(text))
    if not text:
        widgets.empty_state("The text is empty.", "Type a line with words that share letters.")
        return
    steps = list(merges(split_words(text), MOST))
    if len(steps) == 1:
        widgets.empty_state("No pair occurs twice.", "Type a longer text.")
        return
    unroll("bpe", len(steps) - 1, partial(_draw_step, text, steps))
    st.caption(
        f"Sources: Gage 1994; Sennrich et al. 2016, [arXiv:1508.07909](https://arxiv.org/abs/1508.07909); Radford et "
        f"al. 2019; the lecture [Let's build the GPT Tokenizer]({LECTURE}). As in GPT-2, a word keeps the space before "
        "it, and no pair reaches over the end of a word."
    )
    show_cell("bpe/train", split_words, count_pairs, merge, merges)


def _draw_step(text: str, steps: Sequence[Merge], at: int) -> None:
    """The text after `at` merges, and the question for the next one."""
    step = steps[at]
    size = len(text.encode())
    new = [b"".join(before.pair) for before in steps[:at] if before.pair]
    values = {
        "Tokens": f"{len(step.tokens)}",
        "Bytes": f"{size}",
        "Bytes a token": f"{size / len(step.tokens):.2f}",
        "Vocabulary": f"256 + {at}",
    }
    metrics(values)
    labels = read_labels(step.tokens)
    ids = [256 + new.index(token) if token in new else token[0] for token in step.tokens]
    notes = [f"{visible(label)}  id {i}" for label, i in zip(labels, ids, strict=True)]
    chips(labels, ids, notes, label="The text as tokens", key="bpe:tokens")
    if at:
        last = steps[at - 1]
        count = last.counts[last.pair] if last.pair else 0
        st.markdown(
            f"Merge {at} made **{widgets.plain(_name(last.pair))}**, which occurred {count} times: id {255 + at}."
        )
    if step.pair is None:
        st.markdown("No pair occurs twice now." if at < MOST else f"The walk ends after {MOST} merges.")
    elif _predict(text, step, at):
        _draw_counts(step)


def _predict(text: str, step: Merge, at: int) -> bool:
    """The exercise: which pair is merged next? Return whether it is over."""
    frequent = [pair for pair, _ in step.counts.most_common(ASKED)]
    most = max(step.counts.values())
    options = {_name(pair): count for pair, count in step.counts.items() if pair in frequent}
    return ask_option(
        f"bpe:{text}:{at}",
        "Which pair is merged next?",
        list(options),
        {name for name, count in options.items() if count == most},
        hint="Count how often the two tokens are next to each other in the text, within a word.",
        why=f"It occurs {most} times. Of equally frequent pairs, the first in the text is merged here: "
        f"{widgets.plain(_name(step.pair))}.",
        record="merge-next",
    )


def _draw_counts(step: Merge) -> None:
    shown = step.counts.most_common(SHOWN)
    figure = pair_counts([_name(pair) for pair, _ in shown], [count for _, count in shown], merged=0)
    chart(figure, key="bpe:counts", alt="The most frequent pairs")


def _name(pair: Pair | None) -> str:
    """The two tokens of a pair, with visible spaces."""
    return " + ".join(visible(label) for label in read_labels(list(pair or ())))


@chapter(
    "A vocabulary from your own text",
    "bpe",
    "Choose a text or upload your own, and a size. Which tokens would your text have?",
)
def trained() -> tuple[Corpus, int] | None:
    """A BPE trained on a text: its compression, and its newest tokens. Return the text and the vocabulary's size."""
    left, right = st.columns(2, gap="medium")
    with left:
        corpus = tokens.pick_text()
    with right:
        size = tokens.pick_size()
    if corpus is None:
        widgets.empty_state("There is no text yet.", "Upload a plain text file above, or choose a text.")
        return None
    with st.spinner("Training a BPE on this text …", show_time=True):
        by_size = texts.byte_pairs(corpus.text)
    tokenizer = by_size[min(size, max(by_size))]
    sample = corpus.text[:SAMPLE]
    count, length = len(tokenizer.encode(sample)), len(sample.encode())
    values = {
        "Vocabulary": f"{tokenizer.vocab_size:,}",
        "Bytes": f"{length:,}",
        "Tokens": f"{count:,}",
        "Bytes a token": f"{length / count:.2f}",
    }
    metrics(values)
    _draw_newest(tokenizer)
    st.caption(
        f"Measured on the first {len(sample):,} characters. The tokens above are the last {NEWEST} that were added. A "
        "larger vocabulary makes texts shorter, and the embedding and the output layer larger."
    )
    show_cell("bpe/pairs", BPETokenizer.train)
    return corpus, size


def _draw_newest(tokenizer: "Tokenizer") -> None:
    ids = list(range(max(256, tokenizer.vocab_size - NEWEST), tokenizer.vocab_size))
    if not ids:
        st.markdown("This vocabulary has the 256 bytes and no merge.")
        return
    labels = tokenizer.tokens(ids)
    notes = [f"{visible(label)}  id {i}" for label, i in zip(labels, ids, strict=True)]
    chips(labels, ids, notes, label="The newest tokens", key="bpe:newest")


@chapter(
    "Numbers, spaces, emoji, Chinese",
    "bpe",
    "Compare how tokenizers cut the same text. Why does a GPT find it hard to add numbers or to count letters?",
)
def examples(corpus: Corpus, size: int) -> None:
    """A text that is hard to cut, as characters, with the BPE above, a model's, and GPT-2's."""
    tokens.draw_tokenizers(corpus, size, EXAMPLES[pick(EXAMPLE)])
    st.caption(
        "A model sees ids, not letters: 127 may be one token and 677 two. GPT-2's merges come from English web pages, "
        "so a Chinese character or an emoji takes several tokens, and each space of an indent its own."
    )
    show_cell("bpe/encode", BPETokenizer.encode)
