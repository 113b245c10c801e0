"""Where the exercises are on a page: those of a chapter below its last section."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.lecture.kit.chapters import Chapter

_places: ContextVar[dict[str, DeltaGenerator] | None] = ContextVar("places of exercises", default=None)


def reserve_place(chapter: Chapter) -> None:
    """Reserve the place below a section for its chapter's exercises. The place below the last section counts."""
    places = _places.get()
    if places is not None:
        places[chapter.id] = st.container()


@contextmanager
def drawing_exercises(page: str) -> Iterator[None]:
    """Let a page draw its sections, then draw the exercises of its chapters. page: its file."""
    places: dict[str, DeltaGenerator] = {}
    token = _places.set(places)
    try:
        yield
    finally:
        _places.reset(token)
    if places:
        from explorer.lecture.exercises.drawing import draw_exercises  # imports torch

        draw_exercises(page, places)
