"""What a folder of runs holds, read without opening a run.

Every rerun lists many runs, so a listing only checks each config.json, and reads it again when it changes.
"""

import json
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

Stamp = tuple[int, ...]
LARGEST = 20_000_000  # bytes of a config.json, as `gpt.load_run` reads it


class Outline(NamedTuple):
    """A model's config.json as it is written; the defaults where it cannot be read."""

    objective: str = "language"
    text: str = ""
    n_layer: Any = None
    n_head: Any = None
    title: str = ""
    size: str = ""  # of a real model


def stamp(*files: Path) -> Stamp:
    """Return a value that changes with the files. Missing files, links and special files are left out."""
    found = []
    for file in files:
        with suppress(OSError, ValueError):  # another page may delete a run; a name may hold a zero byte
            found.append(file.lstat())
    regular = [each for each in found if S_ISREG(each.st_mode)]
    return tuple(value for each in regular for value in (each.st_mtime_ns, each.st_size, each.st_ino))


def folders(parent: Path) -> dict[str, Stamp]:
    """The names of the run folders in this one, each with the stamp of its config.json."""
    names: list[str] = []
    with suppress(OSError):
        names = [name for name in os.listdir(parent) if not name.startswith(".")]
    stamps = {name: stamp(parent / name / "config.json") for name in names}
    return {name: stamp for name, stamp in stamps.items() if stamp}


def outline(folder: Path) -> Outline:
    """The outline of a run folder; that of an unreadable one is empty, which opening the run reports."""
    config = folder / "config.json"
    return _outline(config, stamp(config))


@lru_cache(maxsize=10_000)
def _outline(config: Path, stamp: Stamp) -> Outline:
    if not stamp or stamp[1] > LARGEST:
        return Outline()
    try:
        written = json.loads(config.read_text(encoding="utf-8"))
        recipe, title = written["recipe"], str(written.get("title", ""))
        model = recipe.get("model")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Outline()
    shape = (model.get("n_layer"), model.get("n_head")) if isinstance(model, dict) else (None, None)
    return Outline(str(recipe.get("objective", "language")), str(recipe.get("text")), *shape, title)
