"""The task of a class and the tiles that a teacher has hidden: one small file for all servers."""

from collections.abc import Collection
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from explorer.people.rights import check_teacher
from explorer.places import runs_folder
from explorer.shared.shared_file import changing, read_shared
from explorer.train.wall.ranking import Task


def read_task() -> Task:
    """Return the task of this server; no task where there is none, or it is damaged."""
    values = _read().get("task")
    names = {each.name for each in fields(Task)}
    try:
        return Task(**{name: value for name, value in values.items() if name in names}) if values else Task()
    except (ValueError, TypeError, AttributeError):
        return Task()


def read_hidden() -> list[str]:
    """Return whose tiles are hidden from students: ids of people, and `run:NAME` for runs that nobody owns."""
    hidden = _read().get("hidden")
    return [each for each in hidden if isinstance(each, str)] if isinstance(hidden, list) else []


def set_task(task: Task) -> None:
    """Set the task for everybody. Raises ValueError if the person is no teacher."""
    _write("set a task", task=asdict(task))


def set_hidden(owners: Collection[str]) -> None:
    """Hide these tiles from students, and show all others. Raises ValueError if the person is no teacher."""
    _write("hide tiles", hidden=sorted(set(owners)))


def _read() -> dict[str, Any]:
    content = read_shared(_file())
    return content if isinstance(content, dict) else {}


def _write(what: str, **values: Any) -> None:
    from gpt.train.files import write_json

    check_teacher(what)
    with changing(_file()):
        write_json(_file(), _read() | values)


def _file() -> Path:
    return runs_folder() / ".wall.json"
