"""The run folders on disk: their names, content and size. Each is read again only when one of its files changes."""

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from explorer.opened import OWN, SHIPPED
from explorer.shared.outline import Stamp, stamp
from gpt import Run, load_run
from gpt.train.files import read_json
from gpt.train.run import UNREADABLE
from gpt.train.tail import Logged, Tail

PARTS = ("config.json", "tokenizer.json", "metrics.jsonl", "status.json", "snapshots")  # a run has one of these
MOST = 5000  # cached runs
MOST_TAILS = 64  # runs whose metrics are cached; 300,000 rows take about 30 MB


@dataclass(frozen=True)
class Entry:
    """A folder in the list of runs: the run, or the error that opening it gives."""

    folder: Path
    run: Run | None
    error: str = ""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def label(self) -> str:
        """The name that people see: the run's title, or its folder's name."""
        return self.run.label if self.run else self.name


def list_runs(runs: Path) -> list[Entry]:
    """List every run, also damaged and incomplete ones, the newest first."""
    folders = [folder for folder in runs.glob("[!.]*") if any((folder / part).exists() for part in PARTS)]
    newest_first = sorted(folders, key=lambda folder: (-_modified(folder / "config.json"), folder.name))
    return [open_entry(folder) for folder in newest_first]


def open_entry(folder: Path) -> Entry:
    """Open the run in this folder; it is read again when its config or its tokenizer changes."""
    return _open_entry(folder, stamp(folder / "config.json", folder / "tokenizer.json"))


@lru_cache(maxsize=MOST)
def _open_entry(folder: Path, stamp: Stamp) -> Entry:
    try:
        return Entry(folder, load_run(folder))
    except (ValueError, OSError) as error:
        return Entry(folder, None, str(error))


def ref_of(run: Run) -> str:
    """Return the reference of this run, as `loading` takes it."""
    return run.name if run.folder.parent == SHIPPED else f"{OWN}{run.name}"


def state_times(runs: Path) -> dict[str, float]:
    """Return each run's name and the time of its last state: equal as long as no run is added, renamed or changed."""
    return {status.parent.name: _modified(status) for status in runs.glob("[!.]*/status.json")}


def saved_state(folder: Path) -> str | None:
    """Return the state in a run's status.json, or None if it cannot be read."""
    file = folder / "status.json"
    return _saved_state(file, stamp(file))


@lru_cache(maxsize=MOST)
def _saved_state(file: Path, stamp: Stamp) -> str | None:
    with suppress(*UNREADABLE):
        return str(read_json(file)["state"])
    return None


def size(folder: Path) -> int:
    """Return the bytes on disk, summed again after the run has written something."""
    return _size(folder, stamp(folder, folder / "status.json", folder / "metrics.jsonl", folder / "snapshots"))


@lru_cache(maxsize=MOST)
def _size(folder: Path, stamp: Stamp) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size
    return total


def logged(folder: Path) -> Logged:
    """Return what a run has logged so far. Each call reads only the lines that were appended since the last call."""
    return _tail(folder / "metrics.jsonl").read()


@lru_cache(maxsize=MOST_TAILS)
def _tail(metrics: Path) -> Tail:
    return Tail(metrics)


def _modified(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0
