"""The numbers in a metrics file that grows, read on from where the last look ended."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from gpt.train.files import MAX_ROWS_BYTES, is_step, open_regular, parse

CHUNK = 2**20  # bytes read at once; a longer line is skipped
MARK = 64  # bytes before the end of the last look; where they have changed, the file was rewritten
LARGEST = 1e30  # that a logged number can be; NaN is not below it
NOTHING = np.empty(0)


@dataclass(frozen=True)
class Logged:
    """What a run has logged: name → the steps at which a quantity was logged, and its values there, (n,) each."""

    columns: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def series(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The steps and the values of one quantity, possibly none; what is no number, or above 1e30, is left out."""
        return self.columns.get(name, (NOTHING, NOTHING))

    def before(self, step: float) -> "Logged":
        """What was logged before this step."""
        return Logged(
            {name: (steps[steps < step], values[steps < step]) for name, (steps, values) in self.columns.items()}
        )


class Column:
    """Steps and values that grow at their end. What was handed out stays as it is: later ones are written behind it."""

    def __init__(self) -> None:
        self._numbers, self._count = np.empty((2, 1024)), 0

    def extend(self, steps: list[float], values: list[float]) -> None:
        end = self._count + len(steps)
        if end > self._numbers.shape[1]:
            grown = np.empty((2, 2 * end))
            grown[:, : self._count] = self._numbers[:, : self._count]
            self._numbers = grown
        self._numbers[:, self._count : end] = np.array(steps, float), np.array(values, float)
        self._count = end

    def series(self) -> tuple[np.ndarray, np.ndarray]:
        steps, values = self._numbers[:, : self._count]
        return steps, values


class Tail:
    """A metrics file. Each look reads only what was appended since the last; a file that was replaced is read from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._forget()

    def look(self) -> Logged:
        """All numbers so far. A torn line, or one that is no object with a step, is left out; a missing file has none."""
        with self._lock:
            try:
                with open_regular(self._path) as file:
                    self._read_on(file)
            except OSError:
                self._forget()
            return Logged({name: column.series() for name, column in self._columns.items()})

    def _forget(self) -> None:
        self._inode, self._end, self._mark = 0, 0, b""
        self._columns: dict[str, Column] = {}

    def _read_on(self, file: IO[bytes]) -> None:
        found = os.fstat(file.fileno())
        file.seek(self._end - len(self._mark))
        if found.st_ino != self._inode or file.read(len(self._mark)) != self._mark:
            self._forget()
            self._inode = found.st_ino
        while self._end < found.st_size <= MAX_ROWS_BYTES:
            file.seek(self._end)
            used = self._take(file.read(CHUNK))
            if not used:
                break
            self._end += used
        file.seek(max(0, self._end - MARK))
        self._mark = file.read(self._end - file.tell())

    def _take(self, chunk: bytes) -> int:
        """Keep the numbers in these lines. Returns how many bytes were used: a torn last line waits for its rest."""
        *lines, rest = chunk.decode("utf-8", "replace").split("\n")
        whole = chunk.rfind(b"\n") + 1
        rows = [row for row in map(_row, lines) if row]
        last = _row(rest)
        found: dict[str, tuple[list[float], list[float]]] = {}
        for row in [*rows, last] if last else rows:
            for name, value in row.items():
                if isinstance(value, (int, float)) and -LARGEST <= value <= LARGEST:
                    steps, values = found.setdefault(name, ([], []))
                    steps.append(row["step"])
                    values.append(value)
        for name, more in found.items():
            self._columns.setdefault(name, Column()).extend(*more)
        return len(chunk) if last or len(chunk) - whole == CHUNK else whole


def _row(line: str) -> dict[str, Any] | None:
    """The row in this line; None where it has none."""
    try:
        row = parse(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and is_step(row.get("step")) else None
