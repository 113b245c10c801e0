"""Names of runs. A name becomes a folder's name, so it is never a path."""

import re
import unicodedata
from pathlib import Path

LONGEST_NAME = 60
RESERVED = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]", re.IGNORECASE)  # Windows opens devices by these names


def free_name(runs: Path, stem: str) -> str:
    """Return a valid name that no run has yet: the stem, or stem-2, stem-3, …; other characters become -."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem)[: LONGEST_NAME - 6].lstrip("-") or "run"
    name, number = stem, 1
    while RESERVED.fullmatch(name) or (runs / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


def check_name(runs: Path, name: str) -> None:
    """Raise ValueError if a new run cannot have this name."""
    bad = f"{name!r} cannot name a run: "
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}", name):
        raise ValueError(f"{bad}use up to {LONGEST_NAME} letters from a to z, digits, - and _")
    if name.startswith("-"):
        raise ValueError(f"{bad}commands read a leading - as an option; begin with a letter or a digit")
    if RESERVED.fullmatch(name):
        raise ValueError(f"{bad}Windows reserves this name for a device; choose another, for example {name}-run")
    if (runs / name).exists():
        raise ValueError(f"there is a run called {name!r} already; {free_name(runs, name)!r} is free")


def name_of_title(runs: Path, title: str, fallback: str) -> str:
    """Return a folder name for a run with this title: "My Spring" gives My-Spring. Raises ValueError on a bad title.

    fallback: the stem of the name if no letter of the title can be used, for example in 春.
    """
    if len(title) > LONGEST_NAME or any(c in "/\\<>" or not c.isprintable() for c in title):
        raise ValueError(f"{title!r} cannot name a run: use up to {LONGEST_NAME} characters, and no / \\ < >")
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", letters).strip("-") or free_name(runs, fallback)
