"""Record SIGTERM and Ctrl-C, and end the process after a whole training step, so that no work is lost."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGINT)


class EndedBySignal(BaseException):
    """A signal came within `Signals.at_once`."""


class Signals:
    """The first signal that asked this process to end. A second one raises KeyboardInterrupt at once."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._at_once = False

    def record(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        if self._at_once:
            raise EndedBySignal

    @contextmanager
    def at_once(self) -> Generator[None, None, None]:
        """Raise EndedBySignal on a signal within this context. Use it for work that may be thrown away."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def obey(self) -> None:
        """End the process if a signal came: KeyboardInterrupt for Ctrl-C, exit code 128 + its number for SIGTERM."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received:
            raise SystemExit(128 + self.received)


@contextmanager
def record_signals() -> Generator[Signals, None, None]:
    """Record signals within this context. Python delivers them only in the main thread."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals.record) for number in ENDING}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
