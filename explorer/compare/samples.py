"""Two models continue the same prompt, side by side."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer import state
from explorer.figures.tokens import visible
from explorer.opened import Opened
from explorer.shared import texts
from explorer.shared.fragment import fragment
from explorer.shared.prompt import read_prompt
from explorer.shared.sampling import Drawn, Sampling, continuation
from explorer.shared.words import plain

FRAME = 0.5  # seconds of sampling in a rerun, and between two reruns
TOKENS_AT_ONCE = 4
KEY = "samples"
SAMPLING = Sampling(max_new_tokens=300)
TERMS = {
    "words": "The share of the sample's whole words that occur in the model's training text.",
    "copied": "The longest run of characters that is in the training text letter for letter.",
}

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
            st.markdown(f"**{plain(opened.label)}**")
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

    if not texts.has_corpus(opened):
        st.caption("This model's training text is not on this machine, so nothing is compared with it.")
        return
    words = whole_words(sample or "")
    known = sum(word in texts.lexicon(opened) for word in words)
    copy = texts.longest_copy(opened, sample) if sample else ""
    share = f"{known / len(words):.0%} of {len(words)}" if words else "–"
    longest = f"{len(copy)} characters" if sample else "–"
    with st.container(horizontal=True, gap="medium"):
        st.metric("Words of the training text", share, help=TERMS["words"], width="content")
        st.metric("Longest copied run", longest, help=TERMS["copied"], width="content")
    st.caption(f"Copied: “{plain(visible(copy), 60)}”" if copy else "Counted after both samples have ended.")
