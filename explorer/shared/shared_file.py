"""A small JSON file in the runs folder that all sessions and servers share."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from explorer.places import check_writable
from explorer.shared.outline import Stamp, stamp

LARGEST = 1_000_000  # bytes


def read_shared(file: Path) -> Any:
    """Return the content of the file; None where it is missing, damaged or too large. Do not change what you get."""
    return _read(file, stamp(file))


@lru_cache(maxsize=4096)
def _read(file: Path, stamp: Stamp) -> Any:
    if not stamp or stamp[1] > LARGEST:
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


@contextmanager
def changing(file: Path) -> Iterator[None]:
    """Lock the file while it is read and written again. Raises ValueError if it cannot be written."""
    check_writable()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            yield
    except OSError as error:
        raise ValueError(
            f"{file.name} cannot be written in {str(file.parent)!r} ({error.strerror or error}); free some space, or "
            "allow the app to write there"
        ) from error
