"""What the person of this session may do with runs. Each `check_…` raises ValueError where they may not."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.people.identity import HOST, Person, current
from explorer.people.limits import Limits, Use, check_disk, check_name, check_runs, check_training, write_limits
from explorer.places import READ_ONLY, check_writable, is_read_only
from explorer.shared.shared_file import read_shared

if TYPE_CHECKING:
    from gpt import Run

OWNER = "owner"  # entry of config.json: {"id": …, "name": …}


def owner_of(folder: Path) -> Person:
    """Return the owner of a run; `HOST` for a run that nobody owns, such as one from the shell."""
    config = read_shared(folder / "config.json")
    owner = config.get(OWNER) if isinstance(config, dict) else None
    if not isinstance(owner, dict) or not all(isinstance(owner.get(key), str) for key in ("id", "name")):
        return HOST
    return Person(owner["id"], owner["name"])


def as_owner(person: Person) -> dict[str, Any]:
    """Return the entry of config.json that makes this person the owner."""
    return {} if person == HOST else {OWNER: {"id": person.id, "name": person.name}}


def may_change(folder: Path) -> bool:
    """Whether this person may pause, stop, resume, rename or delete the run: its owner and a teacher may."""
    person = current()
    return not is_read_only() and (person.is_teacher or owner_of(folder).id == person.id)


def why_closed(folder: Path) -> str:
    """Return why this person may not change the run, for the help of a button; empty where they may."""
    if is_read_only():
        return READ_ONLY
    return "" if may_change(folder) else f"Only {owner_of(folder).name} and the teacher can do this."


def check_change(folder: Path) -> None:
    """Raise ValueError if this person may not change the run."""
    check_writable()
    if not may_change(folder):
        raise ValueError(f"only {owner_of(folder).name} and the teacher can change {folder.name!r}; ask them")


def check_teacher(what: str) -> None:
    """Raise ValueError if the person of this session is no teacher. what: they want to do, as a verb."""
    check_writable()
    if not current().is_teacher:
        raise ValueError(f"only the teacher can {what}; ask them")


def set_limits(limits: Limits) -> None:
    """Set the limits of this server. Raises ValueError if the person is no teacher, or for a number below 1."""
    check_teacher("set the limits")
    write_limits(limits)


def check_start(run: "Run", live: list["Run"], folders: list[Path]) -> None:
    """Raise ValueError if this person may not train this run now.

    live: runs that train or wait, folders: all runs; this one counts in neither.
    """
    from gpt.train.estimate import estimate

    check_writable()
    check_training(current(), run.recipe, estimate(run.recipe), *_uses(live, folders, besides=run.folder))


def check_count(count: int, live: list["Run"], folders: list[Path]) -> None:
    """Raise ValueError if this person may not start so many runs now, one after another. live, folders: all runs."""
    check_runs(current(), count, *_uses(live, folders))


def check_import(folders: list[Path], size: int) -> None:
    """Raise ValueError if this person may not add a run. folders: all runs; size: bytes that it takes."""
    check_writable()
    check_name(current())
    check_disk(current(), *_uses([], folders), size)


def _uses(live: list["Run"], folders: list[Path], besides: Path | None = None) -> tuple[Use, Use]:
    """Return what this person's runs and what all runs take, deleted ones too while they can be restored.

    A run that trains or waits takes what it needs at its end.
    """
    from explorer.train.runs.folders import size
    from gpt.train.estimate import estimate

    person = current()
    needs = {run.folder: estimate(run.recipe).disk for run in live if run.folder != besides}
    sizes = {folder: max(size(folder), needs.get(folder, 0)) for folder in {*folders, *needs} - {besides}}
    own = {folder for folder in sizes if owner_of(folder).id == person.id}
    deleted = sum(
        size(folder) for parent in {folder.parent for folder in sizes} for folder in parent.glob(".deleted-*")
    )
    everybody = Use(len(needs), sum(sizes.values()) + deleted)
    return Use(len(own & set(needs)), sum(sizes[folder] for folder in own)), everybody
