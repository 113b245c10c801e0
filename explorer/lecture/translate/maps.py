"""Encoder and decoder: all heads of the three kinds of attention, and the head that is aligned with the source."""

import json
from typing import Any

import numpy as np
import streamlit as st

from explorer import state
from explorer.choice import Choice
from explorer.components.attention_view import attention_view
from explorer.components.attention_view.linked import linked_view
from explorer.components.attention_view.packing import Head, sharpest
from explorer.figures.matrix import number_grid
from explorer.figures.tokens import head_name, visible
from explorer.lecture.kit.controls import chapter, metrics, pick, show_cell
from explorer.lecture.kit.guesses import guess, show_verdict
from explorer.lecture.translate.subject import EXAMPLES, SHIPPED, Subject, Translation, alignments, translation
from explorer.opened import open_model, references
from explorer.shared import downloads
from explorer.shared.chart import chart
from gpt.lens.alignment import ATTENTIONS, PLACES, PROBES, alignment
from gpt.model.attention import Attention

MAPS = {"cross-attention": "cross", "encoder": "encoder", "decoder": "decoder"}
KIND = Choice("attention-of", options=MAPS, default="cross-attention", label="Attention of")
HEAD = Choice("cross-head", int, 0, label="Head of cross-attention")  # its place among all heads
MEANING = {
    "cross": "Each row is a step of the decoder: the last token that it read → the token that it writes. The columns "
    "are the source. "
    "Queries come from the decoder, keys and values from the encoder's output.",
    "encoder": "The source reads itself without a mask: every token reads all tokens, since the whole source is "
    "there from the start.",
    "decoder": "The target reads itself behind a mask: a token reads the tokens before it, never the later ones.",
}


def locked_head(seen: Translation) -> Head | None:
    """The head of cross-attention that the person locked, if this model has it."""
    n_layer, n_head = seen.patterns["cross"].shape[:2]
    place, sentence = HEAD.check(high=n_layer * n_head - 1)
    return None if place is None or sentence else divmod(place, n_head)


def aligned_head(subject: Subject) -> Head:
    """The head with the largest alignment; on a task whose answers are not known, the sharpest head."""
    if not subject.is_dates:
        return sharpest(subject.translation.patterns["cross"])
    measured = alignments(subject.opened)["alignment"]
    layer, head = np.unravel_index(measured.argmax(), measured.shape)
    return int(layer), int(head)


@chapter(
    "Three kinds of attention",
    "1:42:39",
    "Look at each kind in turn: where do queries come from, where do keys come from, and what is masked?",
)
def maps(subject: Subject) -> None:
    """All heads of the three kinds of attention."""
    kind = MAPS[pick(KIND)]
    seen, opening = subject.translation, aligned_head(subject)
    patterns, drawn = seen.patterns[kind], _drawn(subject.opened.ref, seen, kind)
    options: dict[str, Any] = {"key": f"translate:{kind}", "causal": drawn.causal, "keys": drawn.keys}
    if kind == "cross":
        n_head = patterns.shape[1]
        options |= {"look": {"head": locked_head(seen)}, "opening": opening}
        options["choices"] = lambda look: {HEAD: look.head and look.head[0] * n_head + look.head[1]}
        large = linked_view(patterns, drawn.tokens, **options)
        state.remember(f"translate:shown:{subject.opened.ref}", large)
    else:
        large = attention_view(patterns, drawn.tokens, opening=sharpest(patterns), **options)
    downloads.view(drawn, large)
    st.caption(MEANING[kind])
    if kind == "cross":
        _show_alignment(subject, opening)
    show_cell("translate/three kinds", Attention._project, Attention._mask)


def _drawn(ref: str, seen: Translation, kind: str) -> downloads.Drawn:
    """The view of one kind. A query of cross-attention is named by the last token read and the token written."""
    tokens = {
        "encoder": seen.source,
        "decoder": seen.read,
        "cross": [f"{visible(read)}→{visible(written)}" for read, written in zip(seen.read, seen.written, strict=True)],
    }[kind]
    n_layer, n_head = seen.patterns[kind].shape[:2]
    layers = enumerate(seen.patterns[kind])
    named = {f"{ATTENTIONS[kind].format(layer)}.hook_pattern": pattern for layer, pattern in layers}
    return downloads.Drawn(
        (ref, kind),
        f"{ref}: {kind} attention on {''.join(seen.source)}",
        f"{ref}, {kind} attention",
        "".join(seen.source),
        tokens,
        kind == "decoder",
        None,
        [(layer, head) for layer in range(n_layer) for head in range(n_head)],
        lambda: seen.patterns[kind],
        lambda: downloads.arrays(named, model=ref, tokens=json.dumps(tokens), source=json.dumps(seen.source)),
        seen.source if kind == "cross" else None,
    )


def _show_alignment(subject: Subject, opening: Head) -> None:
    if not subject.is_dates:
        st.caption(f"Opened on {head_name(*opening)}, whose rows are the most concentrated.")
        return
    measured = alignments(subject.opened)["alignment"]
    st.markdown("**Alignment of each head**")
    metrics({head_name(*head): f"{value:.2f}" for head, value in np.ndenumerate(measured)})
    st.caption(
        f"Opened on {head_name(*opening)}, whose alignment is the largest: the weight on the characters that "
        "determine the written digit (that digit of the year, the month's name, the day's), minus the weight of "
        f"uniform attention; the mean over {PROBES} dates, every month in every wording. Hyphens and the end depend "
        "on no character, so a head can read anything there."
    )


def reading_the_month(subject: Subject) -> None:
    """Draw `month_letters`, where the model translates dates."""
    if subject.is_dates:
        month_letters(subject)


@chapter(
    "Which letters of the month are read?",
    "1:42:39",
    "January, june and july begin alike.",
    "First guess which letters the model reads.",
)
def month_letters(subject: Subject) -> None:
    """The letters of a month's name that the heads read while they write its second digit: first a guess."""
    guessed = guess("translate:month", "While it writes the month's second digit, it reads most from", PLACES)
    if guessed is None:
        return
    month = alignments(subject.opened)["month"]
    rows = [head_name(layer, head) for layer in range(month.shape[0]) for head in range(month.shape[1])] + ["mean"]
    values = month.reshape(-1, len(PLACES))
    values = np.vstack((values, values.mean(0)))
    names = ["<br>".join(place.removeprefix("the ").split(" ", 1)) for place in PLACES]
    axes = {"rows": "head", "columns": "place in the month's name", "row_names": rows, "column_names": names}
    alt = "Weight on each place of the month's name, by head"
    chart(number_grid(values, **axes), key="translate:month", alt=alt)
    most = PLACES[int(values[-1].argmax())]
    show_verdict("translate:month", guessed, most, PLACES)
    st.caption(
        f"The most weight is on {most}: {values[-1].max():.0%} in the mean of all heads, over "
        f"{PROBES} dates. Heads share the work. A letter's vector is not only the letter: the encoder has mixed in "
        "its neighbours."
    )
    show_cell("translate/alignment", alignment)


def shipped_crossing() -> None:
    """Cross-attention of the shipped model, as note 5 shows it: a rectangle."""
    if SHIPPED not in references():
        return
    opened = open_model(SHIPPED)
    subject = Subject(opened, EXAMPLES[0], translation(opened, EXAMPLES[0]), is_dates=True)
    drawn = _drawn(SHIPPED, subject.translation, "cross")
    patterns = subject.translation.patterns["cross"]
    T, S = patterns.shape[2:]
    axes = f"{T} steps of its decoder down, {S} characters of the source across"
    st.markdown(f"**Cross-attention of a trained model**: {axes}")
    options = {"key": "notes:crossing", "causal": False, "opening": aligned_head(subject), "keys": drawn.keys}
    attention_view(patterns, drawn.tokens, **options)
    st.caption(
        "The model writes dates in digits. Each row is labelled with the last token that the decoder read → the "
        "token that it writes."
    )
