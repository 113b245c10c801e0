"""Read the numbers in a growing metrics file, each time only the new lines; or only the last row of a file."""

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from gpt.train.files import MAX_INT, MAX_ROWS_BYTES, is_step, open_regular, parse

CHUNK = 2**20  # bytes read at once; a longer line is skipped
END = 2**16  # bytes at the end of a file in which `last_row` looks
MARK = 64  # bytes before the end of the last read; if they changed, the file was rewritten
LARGEST = 1e30  # larger numbers are left out, and NaN
NOTHING = np.empty(0)
AT_ONCE = 2**16  # bytes of rows from which Arrow is quicker, its import included

Numbers = Mapping[str, tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]]  # name → steps and values


@dataclass(frozen=True)
class Logged:
    """The metrics of a run: name → steps and values, (n,) each."""

    columns: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def series(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return steps and values of one metric, (n,) each; n is 0 where it was not logged.

        Values above 1e30 are left out.
        """
        return self.columns.get(name, (NOTHING, NOTHING))

    def before(self, step: float) -> "Logged":
        """Return the metrics before this step."""
        return Logged(
            {name: (steps[steps < step], values[steps < step]) for name, (steps, values) in self.columns.items()}
        )


class Column:
    """Growing arrays of steps and values. Arrays from `series` never change: new numbers go behind them."""

    def __init__(self) -> None:
        self._numbers, self._count = np.empty((2, 1024)), 0

    def extend(self, steps: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> None:
        end = self._count + len(steps)
        if end > self._numbers.shape[1]:
            numbers = np.empty((2, 2 * end))
            numbers[:, : self._count] = self._numbers[:, : self._count]
            self._numbers = numbers
        self._numbers[:, self._count : end] = np.array(steps, float), np.array(values, float)
        self._count = end

    def series(self) -> tuple[np.ndarray, np.ndarray]:
        steps, values = self._numbers[:, : self._count]
        return steps, values


class Tail:
    """A metrics file. `read` reads only the lines since the last call; a replaced file is read from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._reset()

    def read(self) -> Logged:
        """Return all numbers so far. Incomplete lines and rows without a step are left out; a missing file has none."""
        with self._lock:
            try:
                with open_regular(self._path) as file:
                    self._read_on(file)
            except OSError:
                self._reset()
            return Logged({name: column.series() for name, column in self._columns.items()})

    def _reset(self) -> None:
        self._inode, self._end, self._mark = 0, 0, b""
        self._columns: dict[str, Column] = {}

    def _read_on(self, file: IO[bytes]) -> None:
        stat = os.fstat(file.fileno())
        file.seek(self._end - len(self._mark))
        if stat.st_ino != self._inode or file.read(len(self._mark)) != self._mark:
            self._reset()
            self._inode = stat.st_ino
        while self._end < stat.st_size <= MAX_ROWS_BYTES:
            file.seek(self._end)
            used = self._take(file.read(CHUNK))
            if not used:
                break
            self._end += used
        file.seek(max(0, self._end - MARK))
        self._mark = file.read(self._end - file.tell())

    def _take(self, chunk: bytes) -> int:
        """Add the numbers in these lines. Returns the number of bytes used.

        An incomplete last line waits for its rest.
        """
        whole = chunk.rfind(b"\n") + 1
        numbers = _parse_at_once(chunk[:whole]) if whole >= AT_ONCE else None
        if numbers is None:
            numbers = _collect([_row(line) for line in chunk[:whole].decode("utf-8", "replace").split("\n")])
        self._extend(numbers)
        last = _row(chunk[whole:].decode("utf-8", "replace"))
        self._extend(_collect([last]))
        return len(chunk) if last or len(chunk) - whole == CHUNK else whole

    def _extend(self, numbers: Numbers) -> None:
        for name, (steps, values) in numbers.items():
            self._columns.setdefault(name, Column()).extend(steps, values)


def _collect(rows: Sequence[dict[str, Any] | None]) -> Numbers:
    """Return the numbers in these rows. None has none."""
    numbers: dict[str, tuple[list[float], list[float]]] = {}
    for row in filter(None, rows):
        for name, value in row.items():
            if isinstance(value, (int, float)) and -LARGEST <= value <= LARGEST:
                steps, values = numbers.setdefault(name, ([], []))
                steps.append(row["step"])
                values.append(value)
    return numbers


def _parse_at_once(lines: bytes) -> Numbers | None:
    """Return the numbers in these lines as `_collect` does. Returns None where a line is no plain row of numbers.

    Arrow reads such lines several times as fast as `json`. It is less strict, so these checks come first: each line is
    one pair of braces with ASCII between them, without escapes, NaN and Infinity.
    """
    opens, closes, ends = (np.flatnonzero(np.frombuffer(lines, np.uint8) == ord(sign)) for sign in "{}\n")
    is_one_pair = np.array_equal(opens, np.append(0, ends[:-1] + 1)) and np.array_equal(closes, ends - 1)
    if not is_one_pair or not lines.isascii():
        return None
    if any(odd in lines for odd in (b"\\", b"N", b"I")):
        return None
    try:
        arrow: Any = import_module("pyarrow.json")  # it has no types
        options = arrow.ReadOptions(use_threads=False, block_size=2 * len(lines))
        table = arrow.read_json(BytesIO(lines), read_options=options)
    except ValueError:
        return None
    kinds = {name: str(table.schema.field(name).type) for name in table.column_names}
    if kinds.get("step") != "int64" or table["step"].null_count or not set(kinds.values()) <= {"int64", "double"}:
        return None
    steps = table["step"].to_numpy()
    if len(steps) != len(ends) or steps.min() < 0 or steps.max() > MAX_INT:
        return None
    values = {name: table[name].to_numpy() for name in kinds}
    return {name: (steps[good], each[good]) for name, each in values.items() for good in [np.abs(each) <= LARGEST]}


def _row(line: str) -> dict[str, Any] | None:
    """Parse the row in this line. Returns None where there is none."""
    try:
        row = parse(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and is_step(row.get("step")) else None


def last_row(path: Path) -> dict[str, Any]:
    """Return the last whole row of a JSON Lines file; {} where the file's last 64 KiB have none, or it is missing."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - END))
            lines = file.read(END).decode("utf-8", "replace").split("\n")
    except OSError:
        return {}
    return next(filter(None, map(_row, reversed(lines))), {})
