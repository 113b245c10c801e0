"""Read and write the files of a run folder: JSON, JSON Lines, text, safetensors. No other module does.

Anybody may have sent the run folder. So a file is opened only if it is a regular file below a size limit: a link may
lead out of the folder, and reading a pipe or a device may never end. A file is replaced by writing a new one and
renaming it.
"""

import json
import os
import re
import stat
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gpt.machine import bytes_in_words, machine_memory

MAX_INT = 2**53 - 1  # up to this, every reader of JSON reads whole numbers exactly
MAX_JSON_BYTES = 20_000_000
MAX_ROWS_BYTES = 500_000_000  # of metrics.jsonl or samples.jsonl: some million rows
MAX_ROW_BYTES = 1_000_000
FOLDERS = ("snapshots", "resume")
FILES = (
    "config.json", "tokenizer.json", "metrics.jsonl", "samples.jsonl", "status.json", "text.txt", "log.txt", "stop",
    "pause",
    ".lock", ".launch",
)  # fmt: skip


class RunError(ValueError):
    """A run folder that cannot be read or written. The message says what to do."""


def check_folder(folder: Path) -> None:
    """Raise RunError where an entry of a run folder is a link, or a folder in place of a file."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name not in (*FILES, *FOLDERS):
                continue
            if entry.is_symlink():
                raise RunError(
                    f"run {folder.name!r}: {entry.name!r} is a link; put a copy of what it points to in its place"
                )
            is_right = (
                entry.is_dir(follow_symlinks=False) if entry.name in FOLDERS else entry.is_file(follow_symlinks=False)
            )
            if not is_right:
                kind = "folder" if entry.name in FOLDERS else "regular file"
                raise RunError(f"run {folder.name!r}: {entry.name!r} is no {kind}; move it away")


def open_regular(path: Path, mode: str = "rb") -> IO[bytes]:
    """Open a regular file to read ("rb") or append ("ab"). Raises OSError where it is missing, a link, a pipe, …"""
    return open(path, mode, opener=_regular)


def _regular(path: str, flags: int) -> int:
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # Windows has neither
    descriptor = os.open(path, flags | safe, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path!r} is no regular file")
    return descriptor


def read_text(path: Path, most: int = MAX_JSON_BYTES) -> str:
    """Read a UTF-8 text file.

    Raises OSError where it is missing, irregular or too large, ValueError where not UTF-8.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(f"{path.name} of run {path.parent.name!r} is larger than {most:,} bytes")
        return file.read().decode("utf-8")


def read_json(path: Path) -> Any:
    """A small JSON file. Raises OSError where it is missing or no small file, ValueError where it is no JSON."""
    return parse(read_text(path))


def parse(text: str) -> Any:
    """Parse JSON.

    Raises ValueError where it is no JSON, or has half a character (`\\ud800`), which cannot be shown or written.
    """
    value = json.loads(text)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file that have a step; a torn or alien line is skipped, a missing file has none.

    Raises RunError where it is no regular file, or too large.
    """
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{path.name} of run {path.parent.name!r} cannot be read: {error}") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_ROWS_BYTES:
            raise RunError(
                f"{path.name} of run {path.parent.name!r} has {bytes_in_words(size)}; "
                f"at most {bytes_in_words(MAX_ROWS_BYTES)} are read. "
                "Move it away, or log fewer steps in another run"
            )
        while line := file.readline(MAX_ROW_BYTES):
            try:
                row = parse(line.decode("utf-8", errors="replace"))
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict) and is_step(row.get("step")):
                yield row


def is_step(value: Any) -> bool:
    """Return whether the value is a possible step: a whole number from 0 to `MAX_INT`."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INT


@contextmanager
def open_tensors(path: Path, what: str) -> Generator[safe_open, None, None]:
    """Open a safetensors file. what: its name in messages.

    Raises RunError where it is no safetensors file, or larger than memory.
    """
    try:
        with open_regular(path) as file:  # safetensors would open a link or a pipe
            size, memory = os.fstat(file.fileno()).st_size, machine_memory(torch.device("cpu"))
        if size > memory:
            raise RunError(f"{what} has {bytes_in_words(size)}; this machine has {bytes_in_words(memory)} of memory")
        with safe_open(path, framework="pt") as tensors:
            yield tensors
    except (SafetensorError, OSError, MemoryError) as error:
        raise RunError(f"{what} is damaged or no safetensors file ({error})") from error


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a JSON Lines file."""
    with open_regular(path, "ab") as lines:
        lines.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def rewrite_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Replace a JSON Lines file."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file: readers see the old file or the new one."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False))


def write_text(path: Path, text: str) -> None:
    """Replace a text file."""
    with _beside(path) as file:
        file.write_bytes(text.encode())


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Replace a safetensors file. Raises OSError where it cannot be written.

    safetensors has the system's error number only in its message.
    """
    copies = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    with _beside(path) as file:
        try:
            save_file(copies, file, metadata)
        except SafetensorError as error:
            number = re.search(r"os error (\d+)", str(error))
            raise (OSError(int(number[1]), os.strerror(int(number[1])), str(path)) if number else error) from error


@contextmanager
def _beside(path: Path) -> Generator[Path, None, None]:
    """Create an empty file beside `path`, and rename it to `path` at the end. On an error, the old file stays.

    The file gets the mode of the person's umask: safetensors would make it readable only by its owner.
    """
    if path.is_dir():
        raise RunError(
            f"{path.name!r} of {path.parent.name!r} is a folder, but training writes a file there; move it away"
        )
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)  # from a crash, or a link to another place
        with beside.open("xb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        yield beside
        beside.chmod(mode)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
