"""What the person of this session may do with runs. Each `check_…` raises ValueError where they may not."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.people.identity import HOST, Person, current
from explorer.people.limits import Use, check_disk, check_name, check_training
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
    return person.is_teacher or owner_of(folder).id == person.id


def check_change(folder: Path) -> None:
    """Raise ValueError if this person may not change the run."""
    if not may_change(folder):
        raise ValueError(f"only {owner_of(folder).name} and the teacher can change {folder.name!r}; ask them")


def check_start(run: "Run", live: list["Run"], folders: list[Path]) -> None:
    """Raise ValueError if this person may not train this run now.

    live: runs that train or wait, folders: all runs; this one counts in neither.
    """
    from gpt.train.estimate import count_parameters

    parameters = count_parameters(run.recipe.model, run.objective.kind)
    check_training(current(), run.recipe, parameters, *_uses(live, folders, besides=run.folder))


def check_import(folders: list[Path]) -> None:
    """Raise ValueError if this person may not add a run. folders: all runs."""
    check_name(current())
    check_disk(current(), *_uses([], folders))


def _uses(live: list["Run"], folders: list[Path], besides: Path | None = None) -> tuple[Use, Use]:
    """Return what this person's runs and what all runs take."""
    from explorer.train.runs.folders import size

    person = current()
    busy = [run.folder for run in live if run.folder != besides]
    sizes = {folder: size(folder) for folder in folders if folder != besides}
    own = {folder for folder in (*busy, *sizes) if owner_of(folder).id == person.id}
    everybody = Use(len(busy), sum(sizes.values()))
    return Use(len(own & set(busy)), sum(sizes[folder] for folder in own & set(sizes))), everybody
