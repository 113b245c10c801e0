"""What the app's film shows: the snapshots of a run, cached for all sessions."""

import time
from collections.abc import Iterator, Sequence

import numpy as np
import streamlit as st

from explorer.opened import Opened
from explorer.shared import texts
from explorer.shared.cache import cached
from explorer.shared.prompt import Reading
from explorer.train.timetravel import film
from explorer.train.timetravel.film import Frame, Reel

PATIENCE = 0.5  # seconds of loading before a progress bar appears


def load_reel(opened: Opened, reading: Reading, steps: Sequence[int]) -> Reel:
    """Read every snapshot, with a progress bar if it takes long. A damaged snapshot is left out, with a note."""
    return film.read_reel(
        opened.config,
        reading,
        steps,
        lambda step, ids: read_frame(opened.at(step), ids),
        lambda steps: _scores(opened, steps),
        watch=_with_progress,
    )


def _scores(opened: Opened, steps: Sequence[int]) -> dict[str, np.ndarray]:
    """Return kind → (S, n_layer, n_head)."""
    text = texts.probe_text(opened)
    return film.stack_scores([read_scores(opened.at(step), text) for step in _with_progress(steps, "Scoring snapshot")])


@cached(max_entries=600, max_size="256MB")
def read_frame(opened: Opened, ids: tuple[int, ...]) -> Frame:
    """See `film.frame_of`. Raises ValueError if the snapshot is gone or damaged."""
    return film.frame_of(opened.load_model(), ids)


@cached(max_entries=600)
def read_scores(opened: Opened, text: str) -> dict[str, np.ndarray]:
    """See `film.scores_of`. Raises ValueError if the snapshot cannot be read, too."""
    return film.scores_of(opened.load_model(), opened.tokenizer, text)


def _with_progress(steps: Sequence[int], doing: str) -> Iterator[int]:
    """Yield the steps, with a progress bar once they take longer than `PATIENCE`."""
    place, started = st.empty(), time.monotonic()
    for i, step in enumerate(steps):
        if time.monotonic() - started > PATIENCE:
            place.progress(i / len(steps), text=f"{doing} {i + 1} of {len(steps)} …")
        yield step
    place.empty()
