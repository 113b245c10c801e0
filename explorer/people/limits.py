"""What a student may use: of training, of the disk, of one prompt. The teacher changes it for everybody."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.people.identity import Person
from explorer.places import runs_folder
from explorer.shared.shared_file import changing, read_shared

if TYPE_CHECKING:
    from gpt import Recipe
    from gpt.train.estimate import Estimate

MB = 1_000_000
MOST = 10**12
ASK = "Ask the teacher to raise the limit."


def _limit(default: int, label: str, unit: str) -> Any:
    return field(default=default, metadata={"label": label, "unit": unit})


@dataclass(frozen=True)
class Limits:
    """The limits, each in its unit. Those of all people bind together, the others each person."""

    runs: int = _limit(6, "Runs at once, per person", "runs that train or wait")
    all_runs: int = _limit(60, "Runs at once, all people", "runs that train or wait")
    steps: int = _limit(5_000, "Steps of a run", "steps")
    parameters: int = _limit(2_000_000, "Parameters of a model", "parameters")
    prompt: int = _limit(2_000, "Length of a prompt", "characters")
    upload: int = _limit(5 * MB, "Size of an upload", "bytes")
    disk: int = _limit(500 * MB, "Disk, per person", "bytes")
    all_disk: int = _limit(10_000 * MB, "Disk, all people", "bytes")


@dataclass(frozen=True)
class Use:
    """What runs take now: how many train or wait, and bytes on the disk."""

    runs: int
    disk: int


def read_limits() -> Limits:
    """Return the limits of this server; a value that is missing or damaged has its default."""
    content = read_shared(_file())
    values = content if isinstance(content, dict) else {}
    names = {each.name for each in fields(Limits)}
    return Limits(**{name: value for name, value in values.items() if name in names and _is_limit(value)})


def write_limits(limits: Limits) -> None:
    """Set the limits of this server. Raises ValueError for a number below 1."""
    from gpt.train.files import write_json

    for name, value in asdict(limits).items():
        if not _is_limit(value):
            raise ValueError(f"the limit {name} is {value!r}; give a whole number from 1 to {MOST:,}")
    with changing(_file()):
        write_json(_file(), asdict(limits))


def check_training(person: Person, recipe: "Recipe", needs: "Estimate", own: Use, everybody: Use) -> None:
    """Raise ValueError if this person may not start this run now. own, everybody: what their other runs take."""
    check_runs(person, 1, own, everybody)
    if person.is_teacher:
        return
    limits = read_limits()
    pairs = (("steps", recipe.steps, limits.steps), ("parameters", needs.parameters, limits.parameters))
    for what, value, most in pairs:
        if value > most:
            raise ValueError(f"this run has {value:,} {what}; here it may have {most:,}. {ASK}")
    check_disk(person, own, everybody, needs.disk)


def check_runs(person: Person, count: int, own: Use, everybody: Use) -> None:
    """Raise ValueError if this person may not start so many runs now. own, everybody: what their runs take already."""
    check_name(person)
    if person.is_teacher:
        return
    limits, more = read_limits(), f", and this starts {count}" if count > 1 else ""
    for whose, runs, most in (("your runs", own.runs, limits.runs), ("all runs", everybody.runs, limits.all_runs)):
        if runs + count > most:
            raise ValueError(
                f"{runs} of {whose} train or wait{more}; the limit is {most}. Stop one, wait for one to end, or ask "
                "the teacher to raise the limit"
            )


def check_name(person: Person) -> None:
    """Raise ValueError if this person has given no name: a run needs an owner."""
    if person.role == "visitor":
        raise ValueError("type your name at the top of the page first; then the run is yours")


def check_disk(person: Person, own: Use, everybody: Use, more: int) -> None:
    """Raise ValueError if no more of the disk may be used. more: bytes that are needed."""
    from gpt.machine import bytes_in_words

    if person.is_teacher:
        return
    limits, needed = read_limits(), f", and this needs {bytes_in_words(more)}"
    for whose, disk, most in (("your runs", own.disk, limits.disk), ("all runs", everybody.disk, limits.all_disk)):
        if disk + more > most:
            raise ValueError(
                f"{whose} take {bytes_in_words(disk)}{needed}; the limit is {bytes_in_words(most)}. Delete one, or ask "
                "the teacher to raise the limit"
            )


def check_upload(person: Person, size: int) -> None:
    """Raise ValueError if a file is larger than this person may upload. size: bytes."""
    from gpt.machine import bytes_in_words

    most = read_limits().upload
    if not person.is_teacher and size > most:
        raise ValueError(f"the file has {bytes_in_words(size)}; here it may have {bytes_in_words(most)}. {ASK}")


def check_prompt(person: Person, text: str) -> None:
    """Raise ValueError if a prompt is longer than this person may give."""
    most = read_limits().prompt
    if not person.is_teacher and len(text) > most:
        raise ValueError(f"the prompt has {len(text):,} characters; here it may have {most:,}. {ASK}")


def _is_limit(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST


def _file() -> Path:
    return runs_folder() / ".limits.json"
