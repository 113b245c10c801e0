"""Attention of two models on the same words: the tokens of each are merged to words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from explorer.choice import Choice, choose
from explorer.compare.figures import word_heatmap
from explorer.compare.reading import word_patterns
from explorer.figures.tokens import head_name
from explorer.opened import Opened
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.prompt import stand_in_of
from explorer.shared.sink import HIDES_FIRST, has_sink
from explorer.shared.words import plain

if TYPE_CHECKING:
    from torch import Tensor

MOST_TOKENS = 512  # that a model reads; the patterns grow with the square
HEIGHT = 520  # pixels
SIDES = ("left", "right")
HEADS = tuple(
    Choice(f"{side}-head", label="Head", help="L5H3 is head 3 of layer 5. The right head is at first the head that is "
           "most like the left head.")
    for side in SIDES
)  # fmt: skip
Pair = tuple[Opened, Opened]


@dataclass(frozen=True)
class ReadWords:
    """The end of a prompt as words that both models read as whole tokens."""

    words: list[str]
    ids: tuple[tuple[int, ...], ...]  # of each model's tokens
    indices: tuple[tuple[int, ...], ...]  # the word of each token
    n_skipped: int  # words before these


def read_words(pair: Pair, prompt: str) -> ReadWords:
    """Cut the prompt into words, and keep the last ones that fit into both contexts."""
    from gpt.text.spelling import shared_words, token_ends, words_of_tokens

    encoded = [opened.tokenizer.encode(prompt, replace=stand_in_of(opened.tokenizer)) for opened in pair]
    ends = [token_ends(opened.tokenizer.token_bytes(ids), prompt) for opened, ids in zip(pair, encoded, strict=True)]
    words = shared_words(prompt, *ends)
    indices = [words_of_tokens(words, each) for each in ends]
    first = 0
    for opened, of_token in zip(pair, indices, strict=True):
        most = min(opened.config.block_size, MOST_TOKENS)
        if len(of_token) > most:
            first = max(first, int(of_token[-most - 1]) + 1)  # a word whose tokens do not all fit is left out
    kept = [of_token >= first for of_token in indices]
    ids = [
        [i for i, keep in zip(each, keeps.tolist(), strict=True) if keep]
        for each, keeps in zip(encoded, kept, strict=True)
    ]
    shifted = [(of_token[keeps] - first).tolist() for of_token, keeps in zip(indices, kept, strict=True)]
    return ReadWords(words[first:], tuple(map(tuple, ids)), tuple(map(tuple, shifted)), first)


def draw_attention(pair: Pair, prompt: str) -> None:
    """Draw a head of each model on the same words, side by side."""
    read = read_words(pair, prompt)
    if len(read.words) < 2:
        title = "The prompt is one word for these models."
        widgets.empty_state(title, "Type several words: their attention to each other is drawn here.")
        return
    both = [
        word_patterns(opened, ids, words) if opened.config.n_layer else None
        for opened, ids, words in zip(pair, read.ids, read.indices, strict=True)
    ]
    if both == [None, None]:
        widgets.empty_state("These models have no heads.", "Pick a Transformer on one side.")
        return
    hidden = _pick_hidden(pair)
    patterns = [each and (each.others if hidden else each.whole) for each in both]
    shown = []
    for side, (column, opened, heads) in enumerate(zip(st.columns(2, gap="medium"), pair, patterns, strict=True)):
        with column:
            if heads is None:
                widgets.empty_state(f"{plain(opened.label)} has no heads.", "Pick a Transformer on this side.", HEIGHT)
                continue
            layer, head = _pick_head(side, opened, heads, shown[0] if shown else None)
            shown.append(heads[layer, head])
            name = f"{head_name(layer, head)} of {opened.label}"
            figure = word_heatmap(heads[layer, head].numpy(), read.words)
            chart(figure, key=f"words:{SIDES[side]}", alt=f"Attention between words: {name}")
    _describe(read, shown)


def _pick_hidden(pair: Pair) -> bool:
    """Let the person hide the first token of both. At first it is hidden if one of them has an attention sink."""
    hides_first = HIDES_FIRST.read(default=any(has_sink(opened) for opened in pair))
    st.toggle(**HIDES_FIRST.bound(hides_first, width="content"))
    return hides_first


def _pick_head(side: int, opened: Opened, heads: "Tensor", left: "Tensor | None") -> tuple[int, int]:
    """Let the person pick a head. At first: left a head that reads one earlier word, right the head most like it."""
    from gpt.lens.word_patterns import reading_back, shared_weight

    n_layer, n_head = heads.shape[:2]
    names = [head_name(layer, head) for layer in range(n_layer) for head in range(n_head)]
    likeness = reading_back(heads) if left is None else shared_weight(left, heads)
    closest = names[int(likeness.nan_to_num().argmax())]
    picked = HEADS[side].read(options=names, default=closest)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = f"Head of {opened.label}"
        st.selectbox(options=names, **HEADS[side].bound(picked, label=label))
        if left is not None:
            help = f"{closest} puts its weight on the same words as the left head, more than any other head."
            options = {"icon": ":material/join_inner:", "help": help, "disabled": picked == closest}
            st.button("Most alike", on_click=choose, args=({HEADS[side]: None},), **options)
    return divmod(names.index(picked), n_head)


def _describe(read: ReadWords, shown: "list[Tensor]") -> None:
    """Say how the tokens became words, and how much the two heads agree."""
    from gpt.lens.word_patterns import shared_weight

    sentences = []
    if len(shown) == 2:
        share = shared_weight(*shown).item()
        sentences.append(f"The two heads put {share:.0%} of their weight on the same words.")
    if read.n_skipped:
        sentences.append(f"The first {widgets.count(read.n_skipped, 'word')} do not fit into both contexts.")
    sentences.append(
        "A word's row is the mean of its tokens' rows, its column the sum of their columns: a row still sums to 1. "
        "Words that one token spells together are one word."
    )
    widgets.caption(" ".join(sentences), "1:02:00")
