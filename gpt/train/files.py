"""The files of a run folder: JSON, JSON Lines, safetensors. What is replaced is written beside and renamed."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from gpt.train.presets import MAX_INT

MAX_JSON_BYTES = 20_000_000


class RunError(ValueError):
    """A run folder that cannot be read or written as asked; the message says what to do."""


def read_json(path: Path) -> Any:
    """A small JSON file. Raises OSError where it is missing or no small file, ValueError where it is no JSON."""
    if not path.is_file() or path.stat().st_size > MAX_JSON_BYTES:
        raise OSError(f"{path.name} of run {path.parent.name!r} is missing, or larger than {MAX_JSON_BYTES:,} bytes")
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Any:
    """JSON. Raises ValueError where it is none, or names half a character (`\\ud800`), which nothing can show or write."""
    value = json.loads(text)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file that have a step; a torn or alien line is skipped, a missing file has none."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                row = parse(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict) and is_step(row.get("step")):
                yield row


def is_step(value: Any) -> bool:
    """Whether a run can have taken so many steps."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INT


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a JSON Lines file."""
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def rewrite_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a JSON Lines file anew."""
    with _beside(path) as file:
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write beside and rename, so that readers see the old file or the new one."""
    with _beside(path) as file:
        file.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file beside and rename."""
    with _beside(path) as file:
        save_file({name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}, file, metadata)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Where to write a file that then takes the place of another; what fails half-way leaves the disk as it was."""
    beside = path.with_name(path.name + ".new")
    try:
        yield beside
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
