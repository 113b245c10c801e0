"""Encoder and decoder: the translation, step by step."""

from functools import partial

import numpy as np
import streamlit as st

from explorer import state
from explorer.components.attention_view.packing import Head
from explorer.figures import style
from explorer.figures.next_token import next_token_bars
from explorer.figures.tokens import head_name, visible
from explorer.lecture.kit.controls import show_cell, unroll
from explorer.lecture.translate.figures import source_read
from explorer.lecture.translate.maps import aligned_head, locked_head
from explorer.lecture.translate.subject import Subject
from explorer.shared import widgets
from explorer.shared.chart import chart
from explorer.shared.patterns import N_TOP
from gpt import translate
from gpt.model.seq2seq import DecoderBlock
from gpt.text.dates import read_date
from gpt.text.pairs import BETWEEN, END


def translating(subject: Subject) -> None:
    """One token a step, with the chosen head's row of cross-attention and the model's probabilities."""
    unroll("translate", len(subject.translation.written) - 1, partial(_step, subject, aligned_head(subject)))
    show_cell("translate/translate", translate, DecoderBlock.forward)


def _step(subject: Subject, opening: Head, at: int) -> None:
    seen = subject.translation
    layer, head = locked_head(seen) or state.recall(f"translate:shown:{subject.opened.ref}") or opening
    written = "".join(seen.written[: at + 1]).removesuffix(END)
    st.code(f"{subject.source} {BETWEEN} {written}", language=None, wrap_lines=True)
    token = seen.written[at]
    word = "the end of the line" if token == END else f"“{widgets.plain(visible(token))}”"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown(f"**What it reads while it writes {word}** · {head_name(layer, head)}")
        weights = seen.patterns["cross"][layer, head, at]
        origin = _origin(subject, at)
        alt = "Cross-attention of this step over the source"
        chart(source_read(weights, seen.source, origin), key="translate:read", alt=alt)
        color = style.word(style.SECOND).capitalize()
        legend = f" {color}: the characters that determine this digit." if origin else ""
        st.caption(f"The row of this step in the head's cross-attention; it sums to {weights.sum():.4f}.{legend}")
    with right:
        st.markdown("**What it could have written**")
        likeliest = np.argsort(-seen.probabilities[at], kind="stable")[:N_TOP]
        tokens = subject.opened.tokenizer.tokens(likeliest.tolist())
        figure = next_token_bars(tokens, seen.probabilities[at][likeliest], chosen=token)
        chart(figure, key="translate:could", alt="Probabilities of the next target token")


def _origin(subject: Subject, at: int) -> range:
    """The source characters that determine the token of this step, where they are known."""
    try:
        origins = read_date(subject.source).origins() if subject.is_dates else []
    except ValueError:
        return range(0)
    return origins[at] if at < len(origins) else range(0)
