"""Real models in memory: a thread opens each once for all sessions, and pages draw its progress meanwhile."""

import threading
import time
from typing import TYPE_CHECKING

from explorer.shared.cache import cached

if TYPE_CHECKING:
    from gpt.checkpoints import Pretrained

MOST = 2  # models that stay in memory, so that two can be compared

_lock = threading.Lock()


class Cancelled(Exception):
    """The person cancelled the opening."""


class Opening:
    """A model that a thread opens, and what it does now."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.done, self.total, self.what = 0, 0, "reading its header"
        self.model: Pretrained | None = None
        self.problem = ""  # why it cannot be opened
        self.started = time.monotonic()
        self._wanted = True
        self._thread = threading.Thread(target=self._open, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def words(self) -> str:
        """What the thread does now, in bytes where they are known, and for how long it has run."""
        from gpt.machine import bytes_in_words

        size = f", {bytes_in_words(self.done)} of {bytes_in_words(self.total)}" if self.total else ""
        return f"{self.what}{size} · {time.monotonic() - self.started:.0f} s"

    @property
    def share(self) -> float:
        """The share of the bytes that are done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the thread, at most so long. Return whether it has ended."""
        self._thread.join(seconds)
        return not self.is_running

    def cancel(self) -> None:
        """Ask the thread to end. Nothing half-read is kept."""
        self._wanted = False

    def _open(self) -> None:
        from gpt import load_pretrained

        try:
            model = load_pretrained(self.source, progress=self._note)
            if model.tokenizer is None:
                raise ValueError(f"{self.source!r} has no tokenizer; add its tokenizer.json")
            self.model = model
        except Cancelled:
            self.problem = "Opening was cancelled."
        except ValueError as error:
            self.problem = str(error)
        except MemoryError:
            self.problem = f"{self.source!r} does not fit in the memory that is free; open a smaller model"
        except Exception as error:
            self.problem = f"{self.source!r} cannot be opened: {error!r}"
            raise  # into the server's log

    def _note(self, done: int, total: int, what: str) -> None:
        self.done, self.total, self.what = done, total, what
        if not self._wanted:
            raise Cancelled


def start(source: str) -> Opening:
    """Return the opening of this source, and begin it if nobody has. The model that was used first makes room."""
    with _lock:
        openings = _openings()
        opening = openings.pop(source, None) or Opening(source)
        openings[source] = opening  # the last used is the last
        loaded = [each for each, other in openings.items() if other.model and each != source]
        for each in loaded[: max(0, len(loaded) + 1 - MOST)]:
            del openings[each]
        return opening


def forget_failed(source: str) -> None:
    """Drop an opening that failed, so that `start` begins again."""
    with _lock:
        opening = _openings().get(source)
        if opening is not None and opening.problem:
            del _openings()[source]


@cached(max_entries=1, shared=True)
def _openings() -> dict[str, Opening]:
    """Source → its opening, the last used last."""
    return {}
