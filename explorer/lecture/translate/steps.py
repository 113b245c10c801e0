"""Encoder and decoder: a date in words translated token by token, and the three kinds of attention that do it."""

import json
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer import state
from explorer.choice import Choice
from explorer.components.attention_view import attention_view
from explorer.components.attention_view.linked import linked_view
from explorer.components.attention_view.packing import Head, sharpest
from explorer.figures import style
from explorer.figures.matrix import number_grid
from explorer.figures.next_token import next_token_bars
from explorer.figures.tokens import head_name, visible
from explorer.lecture.kit.controls import after_guess, chapter, choose, guess, metrics, show_code, unroll
from explorer.lecture.translate.figures import source_read
from explorer.shared import downloads, lenses, loading, texts, widgets
from explorer.shared.chart import chart
from explorer.shared.download_files import arrays
from explorer.shared.lenses import Translation
from gpt import translate
from gpt.lens.alignment import ATTENTIONS, PLACES, PROBES, alignment
from gpt.model.attention import Attention
from gpt.model.seq2seq import DecoderBlock
from gpt.text.dates import read_date
from gpt.text.pairs import BETWEEN, END

SHIPPED, TASK = "translate", "dates"
CROSS = Choice("cross", int, 0, label="Head")  # its place among all heads of cross-attention
EXAMPLES = (
    "twenty-third of march, 1984", "july fourth, 1776", "2024, twenty-ninth of february", "may first, 1886", "eleventh of november, 1918",
)  # fmt: skip
MAPS = {"cross-attention": "cross", "encoder": "encoder", "decoder": "decoder"}
TOLD = {
    "cross": "Rows are steps of the decoder, what it has read last → what it writes; columns are the source. Queries come from the "
    "decoder, keys and values from what the encoder made of the source: the map is as high as the target and as wide as the source.",
    "encoder": "The source reads itself, and there is no mask: every token may look both ways, since all of it is there from the start.",
    "decoder": "The target reads itself behind a mask: a token sees what has been written before it, never what comes after.",
}  # fmt: skip


class Subject(NamedTuple):
    """The model and the source that are looked at."""

    ref: str
    source: str
    seen: Translation
    is_dates: bool  # whether the model was trained on dates, so that what each digit is told by is known


def chosen() -> Subject | None:
    """The model, where there are several, and the source. None where a class's link hides the chapter, or where there is nothing to
    translate, which is said.

    Raises ValueError where the model cannot be opened, or its alphabet cannot spell the source.
    """
    task = "Type a date in words, or take one of the examples, and step through its translation."
    if not chapter("Translate a date", "1:42:39", task):
        return None
    ref = _model()
    if ref is None:
        return None
    run = loading.load_run(ref)
    is_dates = (run.recipe.text, run.recipe.tokenizer) == (TASK, "char")
    examples = EXAMPLES if is_dates else _held_out(ref)
    wanted = state.choice("source")
    source = examples[0] if wanted is None else wanted
    limit = run.recipe.model.block_size
    st.text_input("Source", max_chars=limit, **state.bound("source", source[:limit], at=None))
    with st.container(horizontal=True):
        for example in examples:
            taken = {"source": example, "at": None}
            st.button(widgets.plain(example), key=f"translate:{example}", on_click=state.choose, kwargs=taken)
    source = " ".join(source[:limit].lower().split()) if is_dates else source[:limit]
    if not source:
        widgets.empty_state("There is nothing to translate.", "Type a date in words, or take an example.")
        return None
    unknown = run.tokenizer.unknown(source)
    if unknown:
        raise ValueError(
            f"{' '.join(unknown)} {'are' if len(unknown) > 1 else 'is'} not in this model's alphabet, which it was given by its "
            f"training text: {run.tokenizer.decode(range(run.tokenizer.vocab_size)).strip()}; write the source in these characters"
        )
    if is_dates:
        _check(source)
    with st.spinner("Translating …"):
        return Subject(ref, source, lenses.translation(ref, source), is_dates)


def _model() -> str | None:
    """The shipped model, until the person picks one of their own; None where there is none at all."""
    names = sorted(loading.translators(), key=lambda ref: ref != SHIPPED)
    if not names:
        widgets.empty_state("There is no model that translates yet.", "Train one below; it opens here.")
        return None
    wanted = state.choice("translator")
    shown = wanted if wanted in names else names[0]
    if wanted not in (None, shown):
        message = f"There is no model called “{widgets.plain(wanted)}” that translates; this is {widgets.plain(shown)}."
        st.warning(message, icon=":material/search_off:")
    if len(names) > 1:
        options = {name: loading.describe(name) for name in names}
        st.selectbox("Model", options, format_func=options.get, **state.bound("translator", shown, options))
    return shown


def _held_out(ref: str) -> tuple[str, ...]:
    """The first sources of a text that is not ours."""
    lines = texts.parts(ref)[1].splitlines()[1:6]
    return tuple(dict.fromkeys(line.partition(BETWEEN)[0] for line in lines))


def _check(source: str) -> None:
    """Say where a source is no date of the task. It is translated all the same: what a model makes of it is worth seeing."""
    try:
        read_date(source)
    except ValueError as error:
        told = "The model has seen nothing of the kind; below is what it makes of it."
        st.warning(f"{widgets.plain(str(error), longest=400)}\\. {told}", icon=":material/help:")


def translating(subject: Subject) -> None:
    """The translation, one token a step, with what the chosen head read for it and how sure the model was."""
    seen = subject.seen
    unroll("translate", len(seen.written) - 1, partial(_step, subject, aligned_head(subject)))
    show_code(translate, DecoderBlock.forward)


def _step(subject: Subject, opening: Head, at: int) -> None:
    seen = subject.seen
    layer, head = _head(seen) or state.recall(f"translate:shown:{subject.ref}") or opening
    written = "".join(seen.written[: at + 1]).removesuffix(END)
    st.code(f"{subject.source} {BETWEEN} {written}", language=None, wrap_lines=True)
    token = seen.written[at]
    word = "the end of the line" if token == END else f"“{widgets.plain(visible(token))}”"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown(f"**Where it looks while it writes {word}** · {head_name(layer, head)}")
        weights = seen.patterns["cross"][layer, head, at]
        origin = _origin(subject, at)
        alt = "Cross-attention of this step over the source"
        chart(source_read(weights, seen.source, origin), key="translate:read", alt=alt)
        told = f" {style.word(style.SECOND).capitalize()}: the characters that tell this digit." if origin else ""
        st.caption(f"The row of this step in the head's cross-attention; it sums to {weights.sum():.4f}.{told}")
    with right:
        st.markdown("**What it could have written**")
        likeliest = np.argsort(-seen.probabilities[at], kind="stable")[: loading.N_TOP]
        tokens = loading.load_run(subject.ref).tokenizer.tokens(likeliest.tolist())
        figure = next_token_bars(tokens, seen.probabilities[at][likeliest], chosen=token)
        chart(figure, key="translate:could", alt="Probabilities of the next target token")


def _origin(subject: Subject, at: int) -> range:
    """The source characters that tell what is written at this step, where that is known."""
    try:
        origins = read_date(subject.source).origins() if subject.is_dates else []
    except ValueError:
        return range(0)
    return origins[at] if at < len(origins) else range(0)


def _head(seen: Translation) -> Head | None:
    """The head of cross-attention that the person locked, as its place among all; other pages' heads are other models'."""
    n_layer, n_head = seen.patterns["cross"].shape[:2]
    place = state.number("cross")
    return divmod(place, n_head) if state.choice("cross") == str(place) and place < n_layer * n_head else None


def aligned_head(subject: Subject) -> Head:
    """The head whose cross-attention is aligned best; on another task, whose answers are not known, the sharpest one."""
    if not subject.is_dates:
        return sharpest(subject.seen.patterns["cross"])
    measured = lenses.alignments(subject.ref)["alignment"]
    layer, head = np.unravel_index(measured.argmax(), measured.shape)
    return int(layer), int(head)


def maps(subject: Subject) -> None:
    """All heads of the three kinds of attention."""
    chapter(
        "Three kinds of attention", "1:42:39", "Look at each kind in turn: who asks, who answers, and what is masked?"
    )
    kind = MAPS[choose("Attention of", MAPS, "cross-attention", "maps")]
    seen, opening = subject.seen, aligned_head(subject)
    patterns, drawn = seen.patterns[kind], _drawn(subject.ref, seen, kind)
    options = {"key": f"translate:{kind}", "causal": drawn.causal, "keys": drawn.keys}
    if kind == "cross":
        n_head = patterns.shape[1]
        large = linked_view(
            patterns,
            drawn.tokens,
            look={"head": _head(seen)},
            choices=lambda look: {CROSS: look.head and look.head[0] * n_head + look.head[1]},
            opening=opening,
            **options,
        )
        state.remember(f"translate:shown:{subject.ref}", large)
    else:
        large = attention_view(patterns, drawn.tokens, opening=sharpest(patterns), **options)
    downloads.view(drawn, large)
    st.caption(TOLD[kind])
    if kind == "cross":
        _tell_alignment(subject, opening)
    show_code(Attention._project, Attention._mask, alignment)


def _drawn(ref: str, seen: Translation, kind: str) -> downloads.Drawn:
    """What the view shows of a kind. Of cross-attention each query is named by what was read and what it made the model write."""
    tokens = {
        "encoder": seen.source,
        "decoder": seen.read,
        "cross": [f"{visible(read)}→{visible(written)}" for read, written in zip(seen.read, seen.written, strict=True)],
    }[kind]
    n_layer, n_head = seen.patterns[kind].shape[:2]
    named = {
        f"{ATTENTIONS[kind].format(layer)}.hook_pattern": pattern for layer, pattern in enumerate(seen.patterns[kind])
    }
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
        lambda: arrays(named, model=ref, tokens=json.dumps(tokens), source=json.dumps(seen.source)),
        seen.source if kind == "cross" else None,
    )


def _tell_alignment(subject: Subject, opening: Head) -> None:
    if not subject.is_dates:
        st.caption(f"Opened on {head_name(*opening)}, whose rows are the most concentrated.")
        return
    measured = lenses.alignments(subject.ref)["alignment"]
    st.markdown("**Alignment of each head**")
    metrics({head_name(*head): f"{value:.2f}" for head, value in np.ndenumerate(measured)})
    st.caption(
        f"Opened on {head_name(*opening)}, whose alignment is the largest: the weight on the characters which "
        "tell the digit being written (that digit of the year, the month's name, the day's), minus what even attention would put there; "
        f"the mean over {PROBES} dates, every month in every wording. Hyphens and the end depend on no "
        "character: there a head may look anywhere."
    )


def reading_the_month(subject: Subject) -> None:
    """Which letters of a month's name the heads read while its second digit is written: guess, then see."""
    if not subject.is_dates:
        return
    task = "January, june and july begin alike. Guess where the model looks before you see it."
    chapter("Which letters tell the month?", "1:42:39", task)
    guessed = guess("translate:month", "While it writes the month's second digit, it reads most from", PLACES)
    if guessed is None:
        return
    month = lenses.alignments(subject.ref)["month"]
    rows = [head_name(layer, head) for layer in range(month.shape[0]) for head in range(month.shape[1])] + ["mean"]
    values = month.reshape(-1, len(PLACES))
    values = np.vstack((values, values.mean(0)))
    names = ["<br>".join(place.removeprefix("the ").split(" ", 1)) for place in PLACES]
    chart(
        number_grid(values, rows="head", columns="place in the month's name", row_names=rows, column_names=names),
        key="translate:month",
        alt="Weight on each place of the month's name, by head",
    )
    most = PLACES[int(values[-1].argmax())]
    st.caption(
        f"{after_guess(guessed)}The most weight is on {most}: {values[-1].max():.0%} in the mean of all heads, over {PROBES} dates. Heads "
        "share the work. A letter's vector is not the letter alone: the encoder has mixed its neighbours in before the decoder looks."
    )


def shipped_crossing() -> None:
    """Cross-attention of the shipped model, as note 5 shows it: a rectangle."""
    if SHIPPED not in loading.models():
        return
    subject = Subject(SHIPPED, EXAMPLES[0], lenses.translation(SHIPPED, EXAMPLES[0]), is_dates=True)
    drawn = _drawn(SHIPPED, subject.seen, "cross")
    T, S = subject.seen.patterns["cross"].shape[2:]
    st.markdown(
        f"**Cross-attention of a trained model**: {T} steps of its decoder down, {S} characters of the source across"
    )
    opening, patterns = aligned_head(subject), subject.seen.patterns["cross"]
    attention_view(patterns, drawn.tokens, key="notes:crossing", causal=False, opening=opening, keys=drawn.keys)
    st.caption(
        "It has learned to write dates in digits. Each row is labelled by what the decoder has read last → what it writes."
    )
