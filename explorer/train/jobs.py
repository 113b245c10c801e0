"""Training processes, one per run, controlled by files in the run's folder. They outlive page, session and server.

All state is in the run folders, so many pages and servers can act at once. There are three locks. A worker holds
its run's lock while it lives. `.launch` is held from a worker's start until it has that lock. `.queue` is held
while a process decides which run is next. The system frees a lock when its holder dies.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from explorer.people import rights
from explorer.people.identity import Person, current
from explorer.places import check_writable, is_read_only
from explorer.train import cluster
from explorer.train.names import check_name
from explorer.train.runs import folders
from explorer.train.workers import LAUNCHING, PATIENCE, is_starting, launch, settle
from gpt import Corpus, Recipe, Run, RunError, create_run
from gpt.train.estimate import check_fits
from gpt.train.files import read_json, write_json
from gpt.train.fork import fork_run

ROOT = Path(__file__).resolve().parents[2]
LIVE = ("queued", "running", "paused")


def slots() -> int:
    """Return how many runs may train at once. On this machine, one core stays free for the app."""
    chosen = cluster.settings()
    return chosen.jobs if chosen else max(1, (os.cpu_count() or 1) - 1)


def create(runs: Path, name: str, recipe: Recipe, corpus: Corpus | None = None, title: str = "") -> Run:
    """Create a run and queue it; it starts as soon as a slot is free.

    title: shown instead of the name. corpus: the text, if the recipe only names it. Raises ValueError on a bad or taken
    name, on an unusable text, and (as every function here that writes) if the disk is full or writing is not allowed.
    """
    return _create(runs, name, title, lambda folder: create_run(folder, recipe, corpus))


def fork(
    runs: Path, name: str, parent: Run, step: int, corpus: Corpus | None = None, title: str = "", **changes: Any
) -> Run:
    """Create and queue a run that begins with a snapshot of another. Raises ValueError as `create` and `fork_run`."""
    return _create(runs, name, title, lambda folder: fork_run(parent, step, folder, corpus, **changes))


def _create(runs: Path, name: str, title: str, fill: Callable[[Path], Run]) -> Run:
    check_name(runs, name)
    with writing(runs):
        runs.mkdir(parents=True, exist_ok=True)
        try:
            (runs / name).mkdir()
        except FileExistsError:
            check_name(runs, name)
            raise
        try:
            run = fill(runs / name)
            rights.check_start(run, live(runs), _run_folders(runs))
            give_to(run.folder, current())
            if title not in ("", name):
                _write_config(run.folder, title=title)
                run = replace(run, title=title)
        except BaseException:
            shutil.rmtree(runs / name, ignore_errors=True)
            raise
    advance(runs)
    return run


def check_room(runs: Path, count: int) -> None:
    """Raise ValueError if this person may not start so many runs together."""
    rights.check_count(count, live(runs), _run_folders(runs))


def give_to(folder: Path, person: Person) -> None:
    """Make this person the owner of a run. On a server of one's own, a run has no owner."""
    if owner := rights.as_owner(person):
        _write_config(folder, **owner)


def _run_folders(runs: Path) -> list[Path]:
    return [entry.folder for entry in folders.list_runs(runs)]


def _write_config(folder: Path, **changes: Any) -> None:
    """Change entries of config.json and keep its time, because lists show the newest run first."""
    file = folder / "config.json"
    config, times = read_json(file), file.stat()
    write_json(file, config | changes)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


@contextmanager
def writing(runs: Path) -> Iterator[None]:
    """Raise ValueError if the system refuses to write a file or start a process, or this server only shows."""
    check_writable()
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"cannot write or start anything in {str(runs)!r} ({error.strerror or error}); free some space, or "
            "allow the app to write there"
        ) from error


def pause(run: Run) -> None:
    """Ask the worker to wait after the current step. A paused run keeps its slot."""
    rights.check_change(run.folder)
    with writing(run.folder.parent), suppress(FileNotFoundError):  # the run may be deleted by now, as below
        if run.is_held:
            run.pause_request.touch()


def resume(run: Run) -> None:
    """Continue a paused run; queue a stopped, interrupted or failed one, from its newest saved state."""
    if not run.folder.is_dir():
        return
    rights.check_change(run.folder)
    rights.check_start(run, live(run.folder.parent), _run_folders(run.folder.parent))
    with writing(run.folder.parent):
        run.pause_request.unlink(missing_ok=True)
        with suppress(Timeout), run.lock.acquire(timeout=0):
            run.stop_request.unlink(missing_ok=True)
            cluster.refresh_state(run)
            run.set_status("queued", run.status.step)
    advance(run.folder.parent)


def stop(run: Run) -> None:
    """Ask the worker to save its state and end; a waiting run leaves the queue. Both can be resumed."""
    if not run.folder.is_dir():
        return
    rights.check_change(run.folder)
    with writing(run.folder.parent):
        run.stop_request.touch()
        with suppress(Timeout), _queue(run.folder.parent).acquire(timeout=PATIENCE):
            if is_starting(run) and not cluster.cancel(run):
                return
            with run.lock.acquire(timeout=0):
                run.stop_request.unlink(missing_ok=True)
                if run.status.state == "queued":
                    run.set_status("stopped", run.status.step, "stopped before it started; it can be resumed")


def rename(runs: Path, name: str, new: str, title: str = "") -> None:
    """Rename a run, also in the configs of its forks. Raises ValueError as `trash.delete` and `check_name` do.

    title: shown instead of the name; a run that only gets a new title can keep its name. The folder is renamed last,
    which also works on a full disk: where a config cannot be written, the run keeps its name.
    """
    with locked_folder(runs, name) as folder:
        rights.check_change(folder)
        moves = new != name or not title
        if moves:
            check_name(runs, new)
        for entry in folders.list_runs(runs):
            if entry.run and entry.run.parent and entry.run.parent.run == name:
                _write_config(entry.folder, parent=read_json(entry.folder / "config.json")["parent"] | {"run": new})
        run, title = folders.open_entry(folder).run, "" if title == new else title
        if run and run.title != title:
            _write_config(folder, title=title)
        if moves:
            folder.rename(runs / new)


@contextmanager
def locked_folder(runs: Path, name: str) -> Iterator[Path]:
    """Give the folder of a run, locked so that no worker can start on it. Raises ValueError if a worker has it."""
    check_writable()
    if not runs.is_dir():
        raise ValueError(f"there is no run called {name!r}")
    if (runs / name).resolve().is_relative_to(ROOT / "assets"):
        raise ValueError(f"{name!r} ships with the app and cannot be changed")
    try:
        with _queue(runs).acquire(timeout=PATIENCE):
            folder = runs / name
            if name not in {entry.name for entry in folders.list_runs(runs)}:
                raise ValueError(f"there is no run called {name!r}")
            run = folders.open_entry(folder).run
            if run:
                cluster.refresh_state(run)
            if run and cluster.is_waiting(run):
                raise ValueError(f"{name!r} waits for the cluster or trains there; stop it first")
            lock, launching = (FileLock(folder / file) for file in (".lock", LAUNCHING))
            with lock.acquire(timeout=0), launching.acquire(timeout=0):
                yield folder
    except Timeout as error:
        raise ValueError(f"{name!r} is being trained; stop it first") from error
    except OSError as error:
        raise ValueError(
            f"the folder of {name!r} cannot be changed ({error.strerror or error}); free some space, or allow "
            "the app to write there"
        ) from error


def live(runs: Path) -> list[Run]:
    """List the runs that train, wait or are paused, the oldest state first, which is the order of the queue."""
    times = folders.state_times(runs)
    names = [name for name in sorted(times, key=times.__getitem__) if folders.saved_state(runs / name) in LIVE]
    opened = [folders.open_entry(runs / name).run for name in names]
    return [run for run in opened if run and run.status.state in LIVE]


def advance(runs: Path) -> None:
    """Start waiting runs while slots are free. Every page that shows runs calls it; calls at the same time are safe."""
    if is_read_only() or not any(run.status.state == "queued" for run in live(runs)):
        return
    with writing(runs), suppress(Timeout), _queue(runs).acquire(timeout=0):
        waiting, busy = [], 0
        for run in live(runs):
            settle(run)
        for run in live(runs):
            if is_starting(run) or run.is_held:
                busy += 1
            else:
                waiting.append(run)
        startable = [run for run in waiting if _fits(run)]
        for run in startable[: max(0, slots() - busy)]:
            launch(run, lambda: advance(runs))


def _fits(run: Run) -> bool:
    """Whether a waiting run can be trained. If not, the run fails with the reason, and no worker starts.

    On a cluster, the job asks the machine that it gets.
    """
    if cluster.settings():
        return True
    try:
        check_fits(run.recipe, run.folder, written=len(run.steps))
    except RunError as error:
        with suppress(Timeout), run.lock.acquire(timeout=0):
            run.set_status("failed", run.status.step, str(error))
        return False
    return True


def _queue(runs: Path) -> FileLock:
    return FileLock(runs / ".queue")
