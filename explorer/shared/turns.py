"""Pictures first: of what comes below them, the server draws the parts of one session at a time.

Python runs one thread at a time. Without turns, the picture of each of thirty people would wait for all charts of the
others.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from explorer import state

PATIENCE = 5.0  # seconds; then a session goes on without a turn
STEP = 0.05  # seconds between two looks at whether a newer run has come

_turn = threading.Lock()
_has_turn: ContextVar[bool] = ContextVar("has a turn", default=False)


@contextmanager
def ending_turns() -> Iterator[None]:
    """End the turn of this run at the latest when the block ends."""
    try:
        yield
    finally:
        end_turn()


def await_turn() -> None:
    """Wait until no other session has its turn. A newer run of this session ends the wait, and this run."""
    deadline = time.monotonic() + PATIENCE
    while not _turn.acquire(timeout=STEP):
        state.recall("turn")  # Streamlit ends a run that a newer one replaces where it reads the session
        if time.monotonic() > deadline:
            return
    _has_turn.set(True)


def end_turn() -> None:
    """Let the next session go on."""
    if _has_turn.get():
        _has_turn.set(False)
        _turn.release()
