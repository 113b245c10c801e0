"""Two models side by side: their samples, their losses, and where a text surprises them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.compare.figures import bits_bars
from explorer.components.token_cells import Scale, running_text
from explorer.figures.tokens import visible
from explorer.opened import Opened
from explorer.shared import examples, texts, widgets
from explorer.shared.chart import chart
from explorer.shared.fragment import fragment
from explorer.shared.model_list import prompted
from explorer.shared.prompt import read_prompt
from explorer.shared.sampling import Drawn, Sampling, continuation
from explorer.shared.words import plain

FRAME = 0.5  # seconds of sampling in a rerun, and between two reruns
TOKENS_AT_ONCE = 4
KEY = "samples"
SAMPLING = Sampling(max_new_tokens=300)
MEASURED = "measured"  # the pair whose losses are measured
HEIGHT = 400  # pixels kept free for the losses
RIVAL = "shakespeare-bigram"
TERMS = {
    "nats": "The mean of −ln p over the tokens that really came next: 0 is certain; a guess among V tokens has ln V.",
    "bits per character": "The loss in bits (1 nat = 1.443 bits), per character. It compares models with other tokens.",
    "perplexity": "e to the loss: the number of equally likely tokens to choose among. It needs the same tokens.",
    "words": "The share of the sample's whole words that occur in the model's training text.",
    "copied": "The longest run of characters that is in the training text letter for letter.",
    "parameters": "How many numbers the model has learned.",
}
STRETCHES, STRETCH = 60, 2048  # how many, and how many characters each, of the validation text
TOP = 6.0  # nats, at the full colour
BITS = 1 / np.log(2)  # in a nat
MARKS = tuple((nats, f"{'≥ ' if nats == TOP else ''}{nats:g} ({nats * BITS:.1f})") for nats in (0.0, 2.0, 4.0, TOP))
SURPRISE = Scale("nats (bits)", TOP, MARKS)
DIFFERENCE = Scale("nats", 3.0, ((-3, "right by ≥ 3"), (0, "0"), (3, "left by ≥ 3")), diverging=True)

Pair = tuple[Opened, Opened]


@dataclass
class Samples:
    """Two samples that grow: the same prompt, the same settings. A change of these starts new samples."""

    pair: Pair
    prompt: str
    sampling: Sampling
    ids: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    stopped: bool = False

    def __post_init__(self) -> None:
        prompts = [read_prompt(opened, self.prompt).ids for opened in self.pair]
        self.sources: list[Iterator[Drawn]] = [
            continuation(opened, ids, self.sampling) for opened, ids in zip(self.pair, prompts, strict=True)
        ]

    @property
    def finished(self) -> bool:
        return all(len(ids) >= self.sampling.max_new_tokens for ids in self.ids)

    @property
    def growing(self) -> bool:
        return not (self.stopped or self.finished)

    def grow(self, count: int) -> None:
        """Sample up to `count` more tokens from each model."""
        for ids, source in zip(self.ids, self.sources, strict=True):
            ids.extend(step.id for step in islice(source, count))

    def texts(self) -> list[str]:
        """Return both samples as text."""
        return [opened.tokenizer.decode(ids) for opened, ids in zip(self.pair, self.ids, strict=True)]

    def toggle(self) -> None:
        """Stop, or continue."""
        self.stopped = not self.stopped


def draw_samples(pair: Pair, prompt: str, sampling: Sampling) -> bool:
    """Continue the prompt with both models, a few tokens a frame. Return whether the samples still grow.

    Only this part of the page reruns while they grow.
    """
    samples = state.recall(KEY)
    if samples is None or (samples.pair, samples.prompt, samples.sampling) != (pair, prompt, sampling):
        samples = Samples(pair, prompt, sampling)
        state.remember(KEY, samples)
    fragment(_draw_frame, samples, run_every=FRAME if samples.growing else None)
    return samples.growing


def _draw_frame(samples: Samples) -> None:
    """Draw both samples, then let them grow: nothing on the page fades meanwhile."""
    was_growing = samples.growing
    label, icon = ("Go on", "play_arrow") if samples.stopped else ("Stop", "stop")
    options = {"disabled": samples.finished, "on_click": samples.toggle, "key": "samples:stop"}
    clicked = st.button(label, icon=f":material/{icon}:", **options)
    places = []
    for column, opened, text in zip(st.columns(2, gap="medium"), samples.pair, samples.texts(), strict=True):
        with column:
            st.markdown(f"**{plain(opened.ref)}**")
            places.append(st.empty())
            _draw_copied(opened, text if samples.finished else None)
    _write(samples, places)
    until = time.monotonic() + FRAME
    while samples.growing and time.monotonic() < until:
        samples.grow(TOKENS_AT_ONCE)
        _write(samples, places)
    if clicked or (was_growing and not samples.growing):
        st.rerun()


def _write(samples: Samples, places: list[DeltaGenerator]) -> None:
    for place, text in zip(places, samples.texts(), strict=True):
        place.code(text or " ", language=None, wrap_lines=True, height=340)


def _draw_copied(opened: Opened, sample: str | None) -> None:
    """Draw how much of a sample is in the training text. A sample that still grows (None) takes the same space."""
    from gpt.text.words import whole_words

    words = whole_words(sample or "")
    known = sum(word in texts.lexicon(opened) for word in words)
    copy = texts.longest_copy(opened, sample) if sample else ""
    share = f"{known / len(words):.0%} of {len(words)}" if words else "–"
    longest = f"{len(copy)} characters" if sample else "–"
    with st.container(horizontal=True, gap="medium"):
        st.metric("Words of the training text", share, help=TERMS["words"], width="content")
        st.metric("Longest copied run", longest, help=TERMS["copied"], width="content")
    st.caption(f"Copied: “{plain(visible(copy), 60)}”" if copy else "Counted after both samples have ended.")


def examples_for(ref: str) -> dict[str, str]:
    """The examples of a model; those that are not in its training text come first."""
    named = examples.of_model(ref)
    return dict(sorted(named.items(), key=lambda each: each[1] != examples.VALIDATION))


def default_rival(ref: str) -> str:
    """The right model until the person picks: the bigram, or else the first other model."""
    others = [name for name in prompted() if name != ref]
    return RIVAL if RIVAL in others else next(iter(others), ref)


def shared_validation_text(pair: Pair) -> tuple[str, str] | None:
    """The name and the validation text of a corpus that both models can read and neither was trained on; or None."""
    corpora = [texts.corpus(opened) for opened in pair]
    if corpora[0].text == corpora[1].text:
        return corpora[0].name, min((texts.parts(opened)[1] for opened in pair), key=len)
    for own, other, corpus in ((pair[0], pair[1], corpora[0]), (pair[1], pair[0], corpora[1])):
        text = texts.parts(own)[1]
        if not other.tokenizer.unknown(text):
            return corpus.name, text
    return None


def stretches(text: str) -> tuple[str, ...]:
    """At most `STRETCHES` stretches, evenly spread over the text; all of a short text."""
    if len(text) <= STRETCHES * STRETCH:
        return (text,)
    starts = np.linspace(0, len(text) - STRETCH, STRETCHES).astype(int)
    return tuple(text[start : start + STRETCH] for start in starts)


def draw_losses(pair: Pair, wait: bool) -> None:
    """Draw each model's size and its loss on validation text, and the bits per character of both as bars.

    wait: leave the space empty. The first measurement takes seconds and would stop the samples.
    """
    if wait and state.recall(MEASURED) != pair:
        st.container(height=HEIGHT, border=False).caption("Measured after both samples have ended or are stopped.")
        return
    shared = shared_validation_text(pair)
    pieces = [stretches(shared[1] if shared else texts.parts(opened)[1]) for opened in pair]
    losses = [texts.loss(opened, piece) for opened, piece in zip(pair, pieces, strict=True)]
    state.remember(MEASURED, pair)
    *columns, right = st.columns([1, 1, 2], gap="medium")
    for column, opened, loss in zip(columns, pair, losses, strict=True):
        with column:
            _draw_metrics(opened, *loss)
    with right:
        alphabet = len(set(texts.corpus(pair[0]).text))
        bits = [np.log2(alphabet), *(per_character * BITS for _, per_character in losses)]
        names = [f"guessing among {alphabet} characters", *(opened.ref for opened in pair)]
        chart(bits_bars(names, bits), key="bits", alt="Bits per character")
    if not shared:
        warning = (
            "Neither model can read the other's validation text. Each has its own, so these losses do not compare."
        )
        st.warning(warning, icon=":material/compare_arrows:")
    widgets.caption(f"The loss on validation text. {_describe_text(shared, pieces[0])}", "0:38:00")


def _draw_metrics(opened: Opened, per_token: float, per_character: float) -> None:
    st.markdown(f"**{plain(opened.ref)}**")
    st.metric("Parameters", f"{opened.model.n_params:,}", help=TERMS["parameters"])
    st.metric("Loss, nats a token", f"{per_token:.3f}", help=TERMS["nats"])
    st.metric("Bits per character", f"{per_character * BITS:.3f}", help=TERMS["bits per character"])
    st.metric("Perplexity, a token", f"{np.exp(per_token):.2f}", help=TERMS["perplexity"])


def _describe_text(shared: tuple[str, str] | None, pieces: Sequence[str]) -> str:
    """How the losses were measured, and on which text."""
    how = "Each chunk of it is read once; training averages chunks at random, so its validation loss differs a little."
    if not shared:
        return how
    name, text = shared
    read = sum(map(len, pieces))
    part = f"all {read:,}" if read == len(text) else f"{read:,} of the {len(text):,}"
    return f"{how} Measured on {part} characters of the validation text of {plain(name)}, the same for both."


def draw_surprises(pair: Pair, text: str) -> None:
    """Draw the text coloured by its surprise for both models, and by the difference."""
    both = [texts.surprise(opened, text) for opened in pair]
    for column, opened, nats, side in zip(st.columns(2, gap="medium"), pair, both, ("left", "right"), strict=True):
        with column:
            st.markdown(f"**{plain(opened.ref)}** · {_describe_mean(nats)}")
            notes = _notes(opened, text, nats)
            label = f"Surprise of {opened.ref}"
            running_text(text, nats, notes, SURPRISE, label=label, key=f"surprise:{side}")
    st.markdown("**Left minus right**")
    notes = [_difference_note(i, c, *values) for i, (c, *values) in enumerate(zip(text, *both, strict=True))]
    label, key = "Difference in surprise", "surprise:difference"
    running_text(text, both[0] - both[1], notes, DIFFERENCE, label=label, key=key)


def _describe_mean(nats: np.ndarray) -> str:
    if np.isnan(nats).all():
        return "no character has anything before it"
    mean = np.nanmean(nats)
    return f"mean {mean:.2f} nats = {mean * BITS:.2f} bits"


def _notes(opened: Opened, text: str, nats: np.ndarray) -> list[str]:
    """One line about each character."""
    unknown = set(opened.tokenizer.unknown(text))
    by_character = opened.tokenizer.kind == "char"
    notes = []
    for position, (character, value) in enumerate(zip(text, nats.tolist(), strict=True)):
        note = f"{value:.3f} nats = {value * BITS:.3f} bits"
        if by_character:
            note += f", p = {np.exp(-value):.2%}"
        if np.isnan(value):
            note = "not in this model's alphabet" if character in unknown else "nothing comes before it"
        notes.append(f"{position} {visible(character)}  {note}")
    return notes


def _difference_note(position: int, character: str, left: float, right: float) -> str:
    if np.isnan(left - right):
        return f"{position} {visible(character)}  a model has no value here"
    return f"{position} {visible(character)}  {left:.3f} − {right:.3f} = {left - right:+.3f} nats"
