"""How well two models predict the same validation text, whatever their tokens are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer import state
from explorer.compare.figures import bits_bars
from explorer.opened import Opened
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.shared.words import plain

if TYPE_CHECKING:
    from gpt.lens.surprise import TextLoss

MEASURED = "measured"  # the pair whose losses are measured
HEIGHT = 500  # pixels kept free for the losses
STRETCHES, STRETCH = 60, 2048  # how many, and how many characters each, of the validation text
FEW, SHORT = 8, 1024  # where a model is large
LARGE = 20_000_000  # parameters
FALLBACK = "tinyshakespeare"  # measured where both models come from elsewhere
BITS = 1 / np.log(2)  # in a nat
TERMS = {
    "parameters": "How many numbers the model has learned.",
    "nats": "The mean of −ln p over the tokens that really came next: 0 is certain; a guess among V tokens has ln V. "
    "Two models compare only if they have the same tokens.",
    "bits per byte": "The loss of all counted tokens in bits (1 nat = 1.443 bits), divided by the UTF-8 bytes of these "
    "tokens. It compares models with other tokens. A guess among 256 bytes has 8 bits.",
    "bits per character": "The same bits, divided by the characters that the tokens spell. A character outside ASCII "
    "has several bytes.",
    "perplexity": "e to the loss: the number of equally likely tokens to choose among. It needs the same tokens.",
}

Pair = tuple[Opened, Opened]


def shared_validation_text(pair: Pair) -> tuple[str, str] | None:
    """The name and the validation text of a corpus that both models can read and neither was trained on; or None.

    Where the training text of a model is not here, the text may have been in it.
    """
    known = [opened for opened in pair if texts.has_corpus(opened)]
    if not known:
        return FALLBACK, _fallback_text()
    if len(known) == 2 and texts.corpus(pair[0]).text == texts.corpus(pair[1]).text:
        return texts.corpus(pair[0]).name, min((texts.parts(opened)[1] for opened in pair), key=len)
    for own in known:
        text = texts.parts(own)[1]
        if not any(other.tokenizer.unknown(text) for other in pair):
            return texts.corpus(own).name, text
    return None


def _fallback_text() -> str:
    from gpt import load_corpus
    from gpt.text.batches import split_ids

    text = load_corpus(FALLBACK).text
    return text[len(split_ids(range(len(text)))[0]) :]


def stretches(text: str, count: int = STRETCHES, length: int = STRETCH) -> tuple[str, ...]:
    """At most `count` stretches of `length` characters, evenly spread over the text; all of a short text."""
    if len(text) <= count * length:
        return (text,)
    starts = np.linspace(0, len(text) - length, count).astype(int)
    return tuple(text[start : start + length] for start in starts)


def draw_losses(pair: Pair, wait: bool) -> None:
    """Draw each model's size and its loss on validation text, and the bits per character of both as bars.

    wait: leave the space empty. The first measurement takes seconds and would stop the samples.
    """
    is_known = state.recall(MEASURED) == pair
    if wait and not is_known:
        st.container(height=HEIGHT, border=False).caption("Measured after both samples have ended or are stopped.")
        return
    is_large = max(opened.model.n_params for opened in pair) > LARGE
    shared = shared_validation_text(pair)
    sizes = (FEW, SHORT) if is_large else (STRETCHES, STRETCH)
    pieces = [stretches(shared[1] if shared else texts.parts(opened)[1], *sizes) for opened in pair]
    if is_large and not is_known and not _asked(pieces):
        return
    losses = _measure(pair, pieces, bool(shared))
    state.remember(MEASURED, pair)
    *columns, right = st.columns([1, 1, 2], gap="medium")
    for column, opened, loss in zip(columns, pair, losses, strict=True):
        with column:
            _draw_metrics(opened, loss)
    with right:
        known = next((opened for opened in pair if texts.has_corpus(opened)), None)
        alphabet = len(set(texts.corpus(known).text if known else _fallback_text()))
        bits = [np.log2(alphabet), *(loss.bits_per_character for loss in losses)]
        names = [f"guessing among {alphabet} characters", *(opened.label for opened in pair)]
        chart(bits_bars(names, bits), key="bits", alt="Bits per character")
    if not shared:
        warning = (
            "Neither model can read the other's validation text. Each has its own, so these losses do not compare."
        )
        st.warning(warning, icon=":material/compare_arrows:")
    widgets.caption(f"The loss on validation text. {_describe_text(pair, shared, pieces[0], losses[0])}", "0:38:00")


def _asked(pieces: list[tuple[str, ...]]) -> bool:
    """Offer a measurement that takes long. Return whether the person wants it."""
    characters, place = sum(map(len, pieces[0])), st.empty()
    with place.container():
        st.caption(f"A large model reads {characters:,} characters in about half a minute. You can cancel at any time.")
        is_asked = st.button("Measure losses", icon=":material/play_arrow:")
    if is_asked:
        place.empty()
    return is_asked


def _measure(pair: Pair, pieces: list[tuple[str, ...]], is_shared: bool) -> list["TextLoss"]:
    """Measure both models, on the same bytes if the text is shared, behind a progress bar if it takes long."""
    losses, place = [], st.empty()
    for opened, stretched in zip(pair, pieces, strict=True):
        given = texts.shared_starts(pair, stretched) if is_shared else texts.shared_starts((opened,), stretched)
        if opened.model.n_params > LARGE:
            with place.container(horizontal=True, vertical_alignment="center"):
                bar = st.progress(0.0)
                st.button("Cancel", icon=":material/close:", key=f"cancel:{opened.ref}")
            for number, stretch in enumerate(stretched):
                doing = f"{plain(opened.label)} reads stretch {number + 1} of {len(stretched)} …"
                bar.progress(number / len(stretched), text=doing)
                texts.stretch_loss(opened, stretch, given[number])
        losses.append(texts.loss(opened, stretched, given))
    place.empty()
    return losses


def _draw_metrics(opened: Opened, loss: "TextLoss") -> None:
    st.markdown(f"**{plain(opened.label)}**")
    st.metric("Parameters", f"{opened.model.n_params:,}", help=TERMS["parameters"])
    st.metric("Loss, nats a token", f"{loss.nats_per_token:.3f}", help=TERMS["nats"])
    st.metric("Bits per byte", f"{loss.bits_per_byte:.3f}", help=TERMS["bits per byte"])
    st.metric("Bits per character", f"{loss.bits_per_character:.3f}", help=TERMS["bits per character"])
    st.metric("Perplexity, a token", f"{np.exp(loss.nats_per_token):.2f}", help=TERMS["perplexity"])


def _describe_text(pair: Pair, shared: tuple[str, str] | None, pieces: Sequence[str], loss: "TextLoss") -> str:
    """How the losses were measured, and on which text."""
    how = "Each chunk of it is read once; training averages chunks at random, so its validation loss differs a little."
    if not shared:
        return how
    name, text = shared
    read = sum(map(len, pieces))
    part = f"all {read:,}" if read == len(text) else f"{read:,} of the {len(text):,}"
    elsewhere = [plain(opened.label) for opened in pair if not texts.has_corpus(opened)]
    learned = f" The training text of {' and '.join(elsewhere)} may contain it." if elsewhere else ""
    return (
        f"{how} Measured on {part} characters of the validation text of {plain(name)}, the same for both: "
        f"{loss.n_bytes:,} bytes count. The beginning of a stretch, up to the first place where both models begin a "
        f"token, is only read.{learned}"
    )
