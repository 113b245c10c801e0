"""Two models side by side: what they write, how well they predict, and where a text surprises them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.compare.figures import bits_bars
from explorer.components.token_cells import Scale, running_text
from explorer.figures.tokens import visible
from explorer.shared import examples, loading, texts, widgets
from explorer.shared.chart import chart
from explorer.shared.fragment import fragment

FRAME = 0.5  # seconds of drawing in a rerun, and between two reruns
TOKENS_AT_ONCE = 4
KEY = "samples"
SAMPLING = loading.Sampling(max_new_tokens=300)
MEASURED = "measured"  # the pair whose losses are known
HEIGHT = 400  # pixels kept free for them
RIVAL = "shakespeare-bigram"
TERMS = {
    "nats": "The mean of −ln p over the tokens that really came next: 0 is certainty, ln V is guessing among V tokens.",
    "bits per character": "The same loss in bits (1 nat = 1.443 bits), per character: it compares models whatever their tokens are.",
    "perplexity": "e to the loss: as unsure as choosing among so many equally likely tokens. Compare it where the tokens are the same.",
    "words": "How many of the sample's whole words occur in the text that the model was trained on.",
    "copied": "The longest run of characters that stands in the training text letter for letter.",
    "parameters": "How many numbers the model has learned.",
}
STRETCHES, STRETCH = 60, 2048  # how many, and how many characters each, of the validation text
TOP = 6.0  # nats, at the full colour
BITS = 1 / np.log(2)  # in a nat
MARKS = tuple((nats, f"{'≥ ' if nats == TOP else ''}{nats:g} ({nats * BITS:.1f})") for nats in (0.0, 2.0, 4.0, TOP))
SURPRISE = Scale("nats (bits)", TOP, MARKS)
DIFFERENCE = Scale("nats", 3.0, ((-3, "right by ≥ 3"), (0, "0"), (3, "left by ≥ 3")), diverging=True)

Pair = tuple[str, str]


@dataclass
class Samples:
    """Two samples in the making: the same prompt, the same settings. They stay until one of these changes."""

    refs: Pair
    prompt: str
    sampling: loading.Sampling
    drawn: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    stopped: bool = False

    def __post_init__(self) -> None:
        readings = [loading.read(ref, self.prompt) for ref in self.refs]
        self.sources: list[Iterator[loading.Drawn]] = [
            loading.continuation(ref, reading.ids, self.sampling)
            for ref, reading in zip(self.refs, readings, strict=True)
        ]

    @property
    def finished(self) -> bool:
        return all(len(ids) >= self.sampling.max_new_tokens for ids in self.drawn)

    @property
    def growing(self) -> bool:
        return not (self.stopped or self.finished)

    def grow(self, count: int) -> None:
        """Draw up to `count` tokens more of each, in turns."""
        for ids, source in zip(self.drawn, self.sources, strict=True):
            ids.extend(step.id for step in islice(source, count))

    def texts(self) -> list[str]:
        """What each has written so far."""
        return [loading.text_of(ref, tuple(ids)) for ref, ids in zip(self.refs, self.drawn, strict=True)]

    def stop(self) -> None:
        self.stopped = True

    def go_on(self) -> None:
        self.stopped = False


def samples(refs: Pair, prompt: str, sampling: loading.Sampling) -> bool:
    """Both models continue the prompt, a few tokens a frame; only this part of the page reruns meanwhile.

    Returns whether they are still at it.
    """
    kept = state.recall(KEY)
    if kept is None or (kept.refs, kept.prompt, kept.sampling) != (refs, prompt, sampling):
        kept = Samples(refs, prompt, sampling)
        state.remember(KEY, kept)
    fragment(_frame, kept, run_every=FRAME if kept.growing else None)
    return kept.growing


def _frame(kept: Samples) -> None:
    """Everything is drawn as it stands before more is drawn, so that nothing on the page fades meanwhile."""
    was_growing = kept.growing
    label, icon = ("Go on", "play_arrow") if kept.stopped else ("Stop", "stop")
    clicked = st.button(
        label,
        icon=f":material/{icon}:",
        disabled=kept.finished,
        on_click=kept.go_on if kept.stopped else kept.stop,
        key="samples:stop",
    )
    pages = []
    for column, ref, text in zip(st.columns(2, gap="medium"), kept.refs, kept.texts(), strict=True):
        with column:
            st.markdown(f"**{widgets.plain(ref)}**")
            pages.append(st.empty())
            _borrowed(ref, text if kept.finished else None)
    _write(kept, pages)
    until = time.monotonic() + FRAME
    while kept.growing and time.monotonic() < until:
        kept.grow(TOKENS_AT_ONCE)
        _write(kept, pages)
    if clicked or (was_growing and not kept.growing):
        st.rerun()


def _write(kept: Samples, pages: list[DeltaGenerator]) -> None:
    for page, text in zip(pages, kept.texts(), strict=True):
        page.code(text or " ", language=None, wrap_lines=True, height=340)


def _borrowed(ref: str, sample: str | None) -> None:
    """How much of a sample is the training text's own; None while it is not finished, with the same space."""
    from gpt.text.words import whole_words

    words = whole_words(sample or "")
    known = sum(word in texts.lexicon(ref) for word in words)
    copy = texts.longest_copy(ref, sample) if sample else ""
    own = f"{known / len(words):.0%} of {len(words)}" if words else "–"
    longest = f"{len(copy)} characters" if sample else "–"
    with st.container(horizontal=True, gap="medium"):
        st.metric("Words of the training text", own, help=TERMS["words"], width="content")
        st.metric("Longest copied run", longest, help=TERMS["copied"], width="content")
    st.caption(f"Copied: “{widgets.plain(visible(copy), 60)}”" if copy else "Counted when both samples have ended.")


def examples_for(ref: str) -> dict[str, str]:
    """The examples of a model, those first that it was not trained on."""
    named = examples.of_model(ref)
    return dict(sorted(named.items(), key=lambda each: each[1] != examples.HELD_OUT))


def default_rival(ref: str) -> str:
    """What a model is compared with until the person picks: the bigram, or else the first other model."""
    others = [name for name in loading.prompted() if name != ref]
    return RIVAL if RIVAL in others else next(iter(others), ref)


def held_out(refs: Pair) -> tuple[str, str] | None:
    """A text that neither model was trained on and both can read: what it is, and its validation text; or None."""
    corpora = [texts.corpus(ref) for ref in refs]
    if corpora[0].text == corpora[1].text:
        return corpora[0].name, min((texts.parts(ref)[1] for ref in refs), key=len)
    for own, other, corpus in ((refs[0], refs[1], corpora[0]), (refs[1], refs[0], corpora[1])):
        text = texts.parts(own)[1]
        if not loading.load_run(other).tokenizer.unknown(text):
            return corpus.name, text
    return None


def stretches(text: str) -> tuple[str, ...]:
    """At most `STRETCHES` stretches, evenly spread over the text; all of it where it is short."""
    if len(text) <= STRETCHES * STRETCH:
        return (text,)
    starts = np.linspace(0, len(text) - STRETCH, STRETCHES).astype(int)
    return tuple(text[start : start + STRETCH] for start in starts)


def losses(refs: Pair, wait: bool) -> None:
    """Each model's size and its loss on validation text, and the bits per character of both as bars.

    wait: leave the space empty, since reading the text for the first time takes seconds and would hold up the samples.
    """
    if wait and state.recall(MEASURED) != refs:
        st.container(height=HEIGHT, border=False).caption("Measured when both samples have ended or are stopped.")
        return
    shared = held_out(refs)
    pieces = [stretches(shared[1] if shared else texts.parts(ref)[1]) for ref in refs]
    measured = [texts.loss(ref, piece) for ref, piece in zip(refs, pieces, strict=True)]
    state.remember(MEASURED, refs)
    left, right, beside = st.columns([1, 1, 2], gap="medium")
    for column, ref, (per_token, per_character) in zip((left, right), refs, measured, strict=True):
        with column:
            st.markdown(f"**{widgets.plain(ref)}**")
            st.metric("Parameters", f"{loading.load_model(ref).n_params:,}", help=TERMS["parameters"])
            st.metric("Loss, nats a token", f"{per_token:.3f}", help=TERMS["nats"])
            st.metric("Bits per character", f"{per_character * BITS:.3f}", help=TERMS["bits per character"])
            st.metric("Perplexity, a token", f"{np.exp(per_token):.2f}", help=TERMS["perplexity"])
    with beside:
        alphabet = len(set(texts.corpus(refs[0]).text))
        bits = [np.log2(alphabet), *(per_character * BITS for _, per_character in measured)]
        names = [f"guessing among {alphabet} characters", *refs]
        chart(bits_bars(names, bits), key="bits", alt="Bits per character")
    where = ""
    if shared:
        read, whole = sum(map(len, pieces[0])), len(shared[1])
        part = f"all {whole:,}" if read == whole else f"{read:,} of the {whole:,}"
        where = (
            f"Measured on {part} characters of the validation text of {widgets.plain(shared[0])}, the same for both."
        )
    else:
        st.warning(
            "Each is measured on its own validation text, since neither can read the other's: "
            "these losses do not compare.",
            icon=":material/compare_arrows:",
        )
    widgets.caption(
        "The loss on text that was not trained on, read chunk by chunk as training's validation loss is, which averages "
        f"chunks drawn at random and so differs a little. {where}",
        "0:38:00",
    )


def surprises(refs: Pair, text: str) -> None:
    """The text under both models, and the difference."""
    both = [texts.surprise(ref, text) for ref in refs]
    for column, ref, nats, side in zip(st.columns(2, gap="medium"), refs, both, ("left", "right"), strict=True):
        with column:
            st.markdown(f"**{widgets.plain(ref)}** · {_mean(nats)}")
            notes = _notes(ref, text, nats)
            running_text(text, nats, notes, SURPRISE, label=f"The text under {ref}", key=f"surprise:{side}")
    st.markdown("**Left minus right**")
    notes = [_difference_note(i, c, *pair) for i, (c, *pair) in enumerate(zip(text, *both, strict=True))]
    running_text(
        text, both[0] - both[1], notes, DIFFERENCE, label="The difference in surprise", key="surprise:difference"
    )


def _mean(nats: np.ndarray) -> str:
    if np.isnan(nats).all():
        return "no character has anything before it"
    mean = np.nanmean(nats)
    return f"mean {mean:.2f} nats = {mean * BITS:.2f} bits"


def _notes(ref: str, text: str, nats: np.ndarray) -> list[str]:
    """What to say of each character."""
    tokenizer = loading.load_run(ref).tokenizer
    unknown = set(tokenizer.unknown(text))
    by_character = tokenizer.kind == "char"
    notes = []
    for position, (character, value) in enumerate(zip(text, nats.tolist(), strict=True)):
        said = f"{value:.3f} nats = {value * BITS:.3f} bits"
        if by_character:
            said += f", p = {np.exp(-value):.2%}"
        if np.isnan(value):
            said = "not in this model's alphabet" if character in unknown else "nothing comes before it"
        notes.append(f"{position} {visible(character)}  {said}")
    return notes


def _difference_note(position: int, character: str, left: float, right: float) -> str:
    if np.isnan(left - right):
        return f"{position} {visible(character)}  no value under both"
    return f"{position} {visible(character)}  {left:.3f} − {right:.3f} = {left - right:+.3f} nats"
