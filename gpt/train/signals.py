"""SIGTERM and Ctrl-C: noted at once, obeyed where the state of the training is whole, so that nothing is lost."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGINT)


class EndedBySignal(BaseException):
    """A signal came while nothing was computed that is kept."""


class Signals:
    """The signal that asks this process to end, once one came. A second one ends it at once."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._at_once = False

    def note(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        if self._at_once:
            raise EndedBySignal

    @contextmanager
    def at_once(self) -> Generator[None, None, None]:
        """Within this context, which changes nothing that is kept, a signal raises EndedBySignal."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def obey(self) -> None:
        """End as the signal asks: KeyboardInterrupt for Ctrl-C, an exit with 128 + its number for SIGTERM."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received:
            raise SystemExit(128 + self.received)


@contextmanager
def noted() -> Generator[Signals, None, None]:
    """Note signals within this context; outside of the main thread, which Python gives them to, none arrive."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals.note) for number in ENDING}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
