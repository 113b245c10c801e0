"""A file that waits for its download: written once, with progress, and removed when the dialog closes."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import IO

import streamlit as st

from explorer import state

PREPARED = "runs:prepared"  # the file of the open dialog
QUICK = 1.0  # seconds; work that takes longer shows its progress
Progress = Callable[[int, int, str], None]  # done, total, what is done


@dataclass(frozen=True)
class Prepared:
    """The file. It has no name on the disk, so nothing stays when the session ends."""

    of: Hashable
    file: IO[bytes]

    def read(self) -> bytes:
        """Return the whole file."""
        self.file.seek(0)
        return self.file.read()


def prepare(of: Hashable, write: Callable[[Progress], IO[bytes]]) -> Prepared:
    """Return the prepared file of `of`; `write(progress)` writes it where there is none yet.

    Raises ValueError where the disk is full.
    """
    prepared: Prepared | None = state.recall(PREPARED)
    if prepared is None or prepared.of != of:
        forget()
        place, began = st.empty(), time.monotonic()

        def show(done: int, total: int, what: str) -> None:
            if time.monotonic() - began > QUICK:
                place.progress(done / total, f"{what.capitalize()}: {done / total:.0%}")

        try:
            prepared = Prepared(of, write(show))
        except OSError as error:
            raise ValueError(f"the file cannot be written: {error}. Free some space on the server's disk") from error
        place.empty()
        state.remember(PREPARED, prepared)
    return prepared


def forget() -> None:
    """Remove the prepared file, if there is one."""
    prepared: Prepared | None = state.recall(PREPARED)
    if prepared:
        state.remember(PREPARED, None)
        prepared.file.close()
