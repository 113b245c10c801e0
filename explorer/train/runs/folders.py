"""The run folders on disk: which there are, what each holds, how much room it takes. Read once, and again when a file changes."""

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from explorer.shared import loading
from gpt import Run, load_run
from gpt.train.files import read_json
from gpt.train.run import UNREADABLE
from gpt.train.tail import Logged, Tail

PARTS = (
    "config.json",
    "tokenizer.json",
    "metrics.jsonl",
    "status.json",
    "snapshots",
)  # each tells a run from other folders
MOST = 5000  # runs that are remembered
MOST_TAILS = 64  # runs whose numbers are kept in memory; 300,000 rows take about 30 MB


@dataclass(frozen=True)
class Found:
    """A folder among the runs: the run, or why it cannot be opened."""

    folder: Path
    run: Run | None
    why: str = ""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def label(self) -> str:
        """What people call it."""
        return self.run.label if self.run else self.name


def listing(runs: Path) -> list[Found]:
    """Every run, newest first, damaged and half-written ones too. A folder that holds nothing of a run is none."""
    folders = [folder for folder in runs.glob("[!.]*") if any((folder / part).exists() for part in PARTS)]
    return [found(folder) for folder in sorted(folders, key=lambda folder: -changed(folder / "config.json"))]


def found(folder: Path) -> Found:
    """What this folder holds, read again when its config or its tokenizer changes."""
    return _found(folder, loading.stamp(folder / "config.json", folder / "tokenizer.json"))


@lru_cache(maxsize=MOST)
def _found(folder: Path, stamp: tuple[int, ...]) -> Found:
    try:
        return Found(folder, load_run(folder))
    except (ValueError, OSError) as error:
        return Found(folder, None, str(error))


def ref_of(run: Run) -> str:
    """The reference under which `loading` knows this run."""
    return run.name if run.folder.parent == loading.SHIPPED else f"{loading.OWN}{run.name}"


def states(runs: Path) -> dict[str, float]:
    """Changes whenever a run is made, renamed or deleted, or its state changes: each run's name, and when its state last changed."""
    return {status.parent.name: changed(status) for status in runs.glob("[!.]*/status.json")}


def saved_state(folder: Path) -> str | None:
    """The state that a run's status.json names, read again when that changes; None where it cannot be read."""
    file = folder / "status.json"
    return _saved_state(file, loading.stamp(file))


@lru_cache(maxsize=MOST)
def _saved_state(file: Path, stamp: tuple[int, ...]) -> str | None:
    with suppress(*UNREADABLE):
        return str(read_json(file)["state"])
    return None


def size(folder: Path) -> int:
    """Bytes on disk, added up again when the run has written something."""
    return _size(folder, loading.stamp(folder, folder / "status.json", folder / "metrics.jsonl", folder / "snapshots"))


@lru_cache(maxsize=MOST)
def _size(folder: Path, stamp: tuple[int, ...]) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size
    return total


def logged(folder: Path) -> Logged:
    """What a run has logged so far. A look reads only what was appended since the last one, whoever looked."""
    return _tail(folder / "metrics.jsonl").look()


@lru_cache(maxsize=MOST_TAILS)
def _tail(metrics: Path) -> Tail:
    return Tail(metrics)


def changed(file: Path) -> float:
    """When a file was last written, in seconds; 0 where there is none."""
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0
