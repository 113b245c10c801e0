"""Deleted runs. They disappear from every list at once; a deletion can be undone for ten minutes."""

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from explorer.people import rights
from explorer.train import jobs
from explorer.train.names import free_name

DELETED = ".deleted-"  # first part of a deleted run's folder name; the time and the run's name follow
UNDO_SECONDS = 600
LONGEST = 200  # bytes of the run's name; a folder name has at most 255


@dataclass(frozen=True)
class Deleted:
    """A deleted run that can still be restored."""

    folder: Path
    name: str
    at: float  # seconds since the epoch


def delete(runs: Path, name: str) -> None:
    """Delete a run, damaged or not. Raises ValueError if it trains, is gone, or ships with the app.

    The folder is renamed, which also works on a full disk.
    """
    with jobs.locked_folder(runs, name) as folder:
        rights.check_change(folder)
        short = os.fsencode(name)[:LONGEST].decode(errors="ignore")
        folder.rename(runs / f"{DELETED}{time.time_ns()}-{short}")
    clear(set(runs.glob(f"{DELETED}*")) - {entry.folder for entry in deleted(runs)})


def deleted(runs: Path) -> list[Deleted]:
    """List the runs that can still be restored, the last deleted first."""
    entries = map(_parse, runs.glob(f"{DELETED}*"))
    recent = [entry for entry in entries if entry and time.time() - entry.at < UNDO_SECONDS]
    return sorted(recent, key=lambda entry: -entry.at)


def restore(entry: Deleted) -> str:
    """Undo a deletion. Returns the run's name, a new one if its own is taken. Raises ValueError if the run is gone."""
    rights.check_change(entry.folder)
    runs = entry.folder.parent
    name = free_name(runs, entry.name) if (runs / entry.name).exists() else entry.name
    with jobs.writing(runs):
        try:
            entry.folder.rename(runs / name)
        except FileNotFoundError as error:
            reason = "it was restored already, or removed for good"
            raise ValueError(f"{entry.name!r} cannot be restored: {reason}") from error
    return name


def remove(folders: Iterable[Path]) -> None:
    """Remove deleted runs for good now. Raises ValueError if one of them is another person's."""
    folders = list(folders)
    for folder in folders:
        rights.check_change(folder)
    clear(folders)


def clear(folders: Iterable[Path]) -> None:
    """Remove deleted runs for good. Each is renamed first, so that a run that is half removed cannot be restored."""
    for folder in folders:
        with suppress(OSError):
            gone = folder.rename(folder.with_name(f"{DELETED}gone-{time.time_ns()}"))
            gone.unlink() if gone.is_symlink() else shutil.rmtree(gone, ignore_errors=True)


def _parse(folder: Path) -> Deleted | None:
    at, _, name = folder.name.removeprefix(DELETED).partition("-")
    return Deleted(folder, name, int(at) / 1e9) if at.isdecimal() and name else None
