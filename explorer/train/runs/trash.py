"""Deleted runs. They leave every list at once, and are kept for ten minutes, so that a person can take the deletion back."""

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from explorer.train import jobs

DELETED = ".deleted-"  # begins the name of a deleted run's folder; then come the time and the run's name
KEPT = 600  # seconds
LONGEST = 200  # bytes of a name; a folder's has room for 255


@dataclass(frozen=True)
class Deleted:
    """A deleted run that can still be restored."""

    folder: Path
    name: str
    at: float  # seconds since the epoch


def delete(runs: Path, name: str) -> None:
    """Delete a run, or a damaged one. Raises ValueError where it trains, is gone, or ships with the app.

    Renaming the folder needs no room on a full disk.
    """
    with jobs.at_rest(runs, name) as folder:
        short = os.fsencode(name)[:LONGEST].decode(errors="ignore")
        folder.rename(runs / f"{DELETED}{time.time_ns()}-{short}")
    clear(folder for folder in runs.glob(f"{DELETED}*") if not _is_kept(folder))


def deleted(runs: Path) -> list[Deleted]:
    """What can still be restored, the last deleted first."""
    kept = [_parsed(folder) for folder in runs.glob(f"{DELETED}*") if _is_kept(folder)]
    return sorted(kept, key=lambda entry: -entry.at)


def restore(entry: Deleted) -> str:
    """Undo a deletion; returns the run's name, which is another where its own is taken by now. Raises ValueError where it is gone."""
    runs = entry.folder.parent
    name = jobs.free_name(runs, entry.name) if (runs / entry.name).exists() else entry.name
    with jobs.writing(runs):
        try:
            entry.folder.rename(runs / name)
        except FileNotFoundError as error:
            raise ValueError(
                f"{entry.name!r} cannot be restored: it was restored already, or removed for good"
            ) from error
    return name


def clear(folders: Iterable[Path]) -> None:
    """Remove deleted runs for good. Each is renamed first, so that nobody restores one half of it."""
    for folder in folders:
        with suppress(OSError):
            gone = folder.rename(folder.with_name(f"{DELETED}gone-{time.time_ns()}"))
            gone.unlink() if gone.is_symlink() else shutil.rmtree(gone, ignore_errors=True)


def _parsed(folder: Path) -> Deleted | None:
    at, _, name = folder.name.removeprefix(DELETED).partition("-")
    return Deleted(folder, name, int(at) / 1e9) if at.isdecimal() and name else None


def _is_kept(folder: Path) -> bool:
    entry = _parsed(folder)
    return entry is not None and time.time() - entry.at < KEPT
