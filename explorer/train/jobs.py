"""Training processes: one a run, steered by files in the run's folder. They outlive the page, the session and the server.

All that is known stands in the run folders, so any number of pages and servers may look and act at once. Three locks keep
them apart: a worker holds its run's lock while it lives; `.launch` is held from its start until it has that lock; `.queue`
is held while somebody decides who is next. The system frees a lock when its holder dies, however it dies.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from explorer.train.runs import folders as run_folders
from explorer.train.runs.folders import listing, states
from gpt import Corpus, Recipe, Run, RunError, create_run
from gpt.train.estimate import check_fits
from gpt.train.files import open_regular, read_json, write_json
from gpt.train.fork import fork_run

ROOT = Path(__file__).resolve().parents[2]
LIVE = ("queued", "running", "paused")
LONGEST_NAME = 60
POLL = 0.1  # seconds
LAST_WORDS = 10_000  # bytes of a log in which the reason of its end is looked for
RESERVED = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]", re.IGNORECASE)  # Windows opens devices by these names
PATIENCE = 5.0  # seconds to wait for a lock that others hold for milliseconds


def slots() -> int:
    """How many runs may train at once: one core stays free for the app."""
    return max(1, (os.cpu_count() or 1) - 1)


def free_name(runs: Path, stem: str) -> str:
    """A good name that no run bears yet: the stem itself, or stem-2, stem-3, …; what a name cannot hold becomes -."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem)[: LONGEST_NAME - 6].lstrip("-") or "run"
    name, number = stem, 1
    while RESERVED.fullmatch(name) or (runs / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


def check_name(runs: Path, name: str) -> None:
    """Raise ValueError where a new run cannot have this name. It becomes a folder's, so it is never a path."""
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}", name):
        raise ValueError(f"{name!r} cannot name a run: use up to {LONGEST_NAME} letters from a to z, digits, - and _")
    if name.startswith("-"):
        raise ValueError(
            f"{name!r} cannot name a run: commands take what begins with - for an option; begin with a letter or a digit"
        )
    if RESERVED.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot name a run: Windows keeps this name for a device; choose another, {name}-run say"
        )
    if (runs / name).exists():
        raise ValueError(f"there is a run called {name!r} already; {free_name(runs, name)!r} is free")


def name_for(runs: Path, title: str, otherwise: str) -> str:
    """A name for the folder of a run with this title: "My Spring" gives My-Spring. Raises ValueError where a title cannot be one.

    otherwise: the stem of the name where nothing of the title is left, as of 春.
    """
    if len(title) > LONGEST_NAME or any(c in "/\\<>" or not c.isprintable() for c in title):
        raise ValueError(f"{title!r} cannot name a run: use up to {LONGEST_NAME} characters, and no / \\ < >")
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", letters).strip("-")
    return name or free_name(runs, otherwise)


def create(runs: Path, name: str, recipe: Recipe, corpus: Corpus | None = None, title: str = "") -> Run:
    """Make a run and queue it; it starts as soon as there is room.

    title: what people call it, where that is not its name. corpus: the text, where the recipe only names it. Raises ValueError on a
    bad or taken name, an unusable text, or, as all here that writes, where there is no room or no permission to.
    """
    return _make(runs, name, title, lambda folder: create_run(folder, recipe, corpus))


def fork(
    runs: Path, name: str, parent: Run, step: int, corpus: Corpus | None = None, title: str = "", **changes: Any
) -> Run:
    """Make a run that begins with a snapshot of another and queue it. Raises ValueError as `create` and `fork_run` do."""
    return _make(runs, name, title, lambda folder: fork_run(parent, step, folder, corpus, **changes))


def _make(runs: Path, name: str, title: str, make: Callable[[Path], Run]) -> Run:
    check_name(runs, name)
    with writing(runs):
        runs.mkdir(parents=True, exist_ok=True)
        try:
            (runs / name).mkdir()
        except FileExistsError:
            check_name(runs, name)
            raise
        try:
            run = _entitled(make(runs / name), title)
        except BaseException:
            shutil.rmtree(runs / name, ignore_errors=True)
            raise
    advance(runs)
    return run


def _entitled(run: Run, title: str) -> Run:
    """The run with this title, written down where it differs from the name."""
    title = "" if title == run.name else title
    if title != run.title:
        file = run.folder / "config.json"
        write_json(file, read_json(file) | {"title": title})
    return replace(run, title=title)


@contextmanager
def writing(runs: Path) -> Iterator[None]:
    """Raise ValueError where the system lets nothing be written or started."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"nothing can be written or started in {str(runs)!r} ({error.strerror or error}); free some space there, or see to it "
            "that the app may write"
        ) from error


def pause(run: Run) -> None:
    """Ask the worker to wait after its present step. A paused run keeps its place among those that train."""
    with writing(run.folder.parent), suppress(FileNotFoundError):  # deleted meanwhile, as below
        if run.is_held:
            run.pause_request.touch()


def resume(run: Run) -> None:
    """Let a paused run go on; queue one that was stopped or interrupted or has failed, from its newest saved state."""
    if not run.folder.is_dir():
        return
    with writing(run.folder.parent):
        run.pause_request.unlink(missing_ok=True)
        with suppress(Timeout), run.lock.acquire(timeout=0):
            run.stop_request.unlink(missing_ok=True)
            run.set_status("queued", run.status.step)
    advance(run.folder.parent)


def stop(run: Run) -> None:
    """Ask the worker to save its state and end; a run that still waits leaves the queue. Either can be resumed."""
    if not run.folder.is_dir():
        return
    with writing(run.folder.parent):
        run.stop_request.touch()
        with suppress(Timeout), _queue(run.folder.parent).acquire(timeout=PATIENCE):
            if is_starting(run):
                return
            with run.lock.acquire(timeout=0):
                run.stop_request.unlink(missing_ok=True)
                if run.status.state == "queued":
                    run.set_status("stopped", run.status.step, "stopped before its turn came; it can be resumed")


def rename(runs: Path, name: str, new: str, title: str = "") -> None:
    """Give a run another name; its forks remember it by that. Raises ValueError as `trash.delete` and `check_name` do.

    title: what people call it, where that is not its name; then the name may stay as it is.
    """
    with at_rest(runs, name) as folder:
        if new != name or not title:
            check_name(runs, new)
            folder.rename(runs / new)
        run = run_folders.found(runs / new).run
        if run:
            made = (run.folder / "config.json").stat()
            _entitled(run, title)
            _date(run.folder / "config.json", made)
    for child in listing(runs):
        if child.run and child.run.parent and child.run.parent.run == name:
            file = child.run.folder / "config.json"
            config, made = read_json(file), file.stat()
            config["parent"]["run"] = new
            write_json(file, config)
            _date(file, made)


def _date(file: Path, made: os.stat_result) -> None:
    """Let a file that was written over be as old as it was: the listing has the newest run first."""
    os.utime(file, ns=(made.st_atime_ns, made.st_mtime_ns))


@contextmanager
def at_rest(runs: Path, name: str) -> Iterator[Path]:
    """The folder of a run that nobody trains, and nobody can begin to train inside this context."""
    if not runs.is_dir():
        raise ValueError(f"there is no run called {name!r}")
    if (runs / name).resolve().is_relative_to(ROOT / "assets"):
        raise ValueError(f"{name!r} ships with the app and stays as it is")
    try:
        with _queue(runs).acquire(timeout=PATIENCE):
            folder = next((runs / found.name for found in listing(runs) if found.name == name), None)
            if folder is None:
                raise ValueError(f"there is no run called {name!r}")
            lock, launching = (FileLock(folder / file) for file in (".lock", ".launch"))
            with lock.acquire(timeout=0), launching.acquire(timeout=0):
                yield folder
    except Timeout as error:
        raise ValueError(f"{name!r} is being trained; stop it first") from error
    except OSError as error:
        raise ValueError(f"the folder of {name!r} cannot be changed: {error}") from error


def live(runs: Path) -> list[Run]:
    """The runs that train, wait, or are paused, the one whose state is oldest first; so waiting ones stand in their order."""
    found = []
    for name in sorted(changed := states(runs), key=changed.get):
        if run_folders.saved_state(runs / name) in LIVE:
            run = run_folders.found(runs / name).run
            if run and run.status.state in LIVE:
                found.append(run)
    return found


def advance(runs: Path) -> None:
    """Start waiting runs while there is room. Whoever looks at the runs calls it; calls at the same time do no harm."""
    if not any(run.status.state == "queued" for run in live(runs)):
        return
    with writing(runs), suppress(Timeout), _queue(runs).acquire(timeout=0):
        waiting, busy = [], 0
        for run in live(runs):
            if is_starting(run) or run.is_held:
                busy += 1
            else:
                waiting.append(run)
        fitting = [run for run in waiting if _fits(run)]
        for run in fitting[: max(0, slots() - busy)]:
            _launch(run)


def _fits(run: Run) -> bool:
    """Whether this machine can train a waiting run; one that it cannot train fails, and says why, before a worker starts."""
    try:
        check_fits(run.recipe, run.folder, written=len(run.steps))
    except RunError as error:
        with suppress(Timeout), run.lock.acquire(timeout=0):
            run.set_status("failed", run.status.step, str(error))
        return False
    return True


def is_starting(run: Run) -> bool:
    """Whether a worker was started for this run that has not taken its lock yet (it imports torch first)."""
    try:
        with _launching(run).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # as in `Run.is_held`
        return False


def _launch(run: Run) -> None:
    launching = _launching(run)
    launching.acquire(timeout=PATIENCE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE", "TQDM_DISABLE": "1"}
    with open_regular(run.folder / "log.txt", "ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "gpt.train", "--resume", str(run.folder.resolve())],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=_watch, args=(run, worker, launching), daemon=True).start()


def _watch(run: Run, worker: subprocess.Popen, launching: FileLock) -> None:
    """See one worker from its start to its end; then the next may begin."""
    while worker.poll() is None and not run.is_held:
        time.sleep(POLL)
    if worker.poll() is not None:
        _record_death(run, worker.returncode)
    launching.release()
    worker.wait()
    with suppress(ValueError):  # whoever looks next is told
        advance(run.folder.parent)


def _record_death(run: Run, code: int) -> None:
    """A worker that ended before it could write a status has left its last words in the log."""
    with suppress(Timeout, OSError), run.lock.acquire(timeout=0):
        if run.status.state == "queued":
            with open_regular(run.folder / "log.txt") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - LAST_WORDS))
                lines = log.read(LAST_WORDS).decode("utf-8", "replace").split("\n")
            words = next((line.strip() for line in reversed(lines) if line.strip()), "")
            why = words.removeprefix("error: ") or f"its training process ended with status {code} and said nothing"
            run.set_status("failed", run.status.step, why)


def _launching(run: Run) -> FileLock:
    return FileLock(run.folder / ".launch", thread_local=False)  # acquired by a page, released by the watcher


def _queue(runs: Path) -> FileLock:
    return FileLock(runs / ".queue")
