"""Open run folders, the only thing that training and exploring share. create.py makes them, loop.py writes into them.

Weights are safetensors only. Nothing is unpickled, because anybody may have sent the folder.
"""

import json
import re
import shutil
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from gpt.machine import count_in_words
from gpt.model.build import Model, build_model
from gpt.text.corpus import CORPORA, Corpus, CorpusError, load_corpus
from gpt.text.tokenizer import Tokenizer, tokenizer_from_dict
from gpt.train.estimate import shapes_of
from gpt.train.files import (
    RunError,
    check_folder,
    is_step,
    open_regular,
    open_tensors,
    read_json,
    read_lines,
    write_json,
)
from gpt.train.objectives import OBJECTIVES, Objective
from gpt.train.recipe import Recipe

FORMAT = 1
QUIET = 120  # seconds; a training process writes status.json more often
MIN_FREE = 100_000  # bytes; a disk with less free space counts as full
SNAPSHOT = re.compile(r"(\d{6}|[1-9]\d{6,14})\.safetensors", re.ASCII)
State = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]


UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)  # from JSON that is no run's


@dataclass(frozen=True)
class Status:
    """The state of a run and its step. "interrupted": status.json says running, but no process holds the lock."""

    state: State
    step: int = 0
    why: str = ""


@dataclass(frozen=True)
class Parent:
    """The snapshot that a fork or a stage begins with, and the changes to its recipe."""

    run: str  # the parent folder's name
    step: int
    changed: dict[str, Any]
    stage: bool = False  # a stage has another objective, and counts its own steps


@dataclass(frozen=True)
class Run:
    """An open run folder. Only files that never change are cached."""

    folder: Path
    recipe: Recipe
    tokenizer: Tokenizer
    parent: Parent | None = None
    title: str = ""  # the name a person chose, where no folder can have it

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def label(self) -> str:
        """The title, or the folder's name where there is no title."""
        return self.title or self.name

    @property
    def objective(self) -> type[Objective[Any]]:
        """The class of the run's objective."""
        return OBJECTIVES[self.recipe.objective]

    @property
    def steps(self) -> list[int]:
        """List the steps that have a snapshot, ascending."""
        names = (path.name for path in (self.folder / "snapshots").glob("*.safetensors"))
        return sorted(int(match[1]) for match in map(SNAPSHOT.fullmatch, names) if match)

    def snapshot_path(self, step: int) -> Path:
        """Return the path of the snapshot of a step, whether or not it exists."""
        return self.folder / "snapshots" / f"{step:06d}.safetensors"

    def model(self, step: int | None = None) -> Model:
        """Load the model of a snapshot (None: the newest), in eval mode, float32, on the CPU.

        Raises RunError where the snapshot is missing or has the weights of another model.
        """
        steps = self.steps
        if not steps:
            raise RunError(f"run {self.name!r} has no snapshot yet; wait for the first one, or resume the training")
        step = steps[-1] if step is None else step
        if step not in steps:
            raise RunError(f"run {self.name!r} has no snapshot of step {step}; it has {', '.join(map(str, steps))}")
        model = self.new_model(f"its snapshot of step {step}", self.snapshot_path(step))
        return model.eval().requires_grad_(False)

    def new_model(self, what: str, weights: Path, prefix: str = "") -> Model:
        """Build this run's model with the weights of a safetensors file.

        Shapes are checked before memory is allocated.
        """
        what = f"run {self.name!r}: {what}"
        with open_tensors(weights, what) as file:
            names = {name for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118 (the file is no dict)
            if self.recipe.model.n_layer > len(names):
                raise RunError(
                    f"{what} has {len(names)} tensors, too few for {count_in_words(self.recipe.model.n_layer)} layers"
                )
            own = shapes_of(self.recipe.model, self.objective.kind)
            expected = {prefix + name: shape for name, shape in own.items()}
            shapes = {name: file.get_slice(name).get_shape() for name in names}
            wrong = sorted(name for name in expected.keys() | shapes.keys() if expected.get(name) != shapes.get(name))
            if wrong:
                name = wrong[0]
                raise RunError(
                    f"{what} has the weights of another model: {name} has shape {shapes.get(name)}, "
                    f"config.json asks for {expected.get(name)}"
                )
            model = build_model(self.recipe.model, self.objective.kind)
            model.load_state_dict({name.removeprefix(prefix): file.get_tensor(name) for name in names})
        return model

    def corpus(self) -> Corpus:
        """Load the text it trains on: its own text.txt, or a known text. Raises CorpusError where there is none.

        `recipe.text` is never read as a path: a run from somebody else may name any file there.
        """
        own = self.folder / "text.txt"
        if own.exists():
            check_folder(self.folder)
            return replace(load_corpus(own), name=self.recipe.text)
        if self.recipe.text not in CORPORA:
            raise CorpusError(
                f"{self.recipe.text!r} is no known text, and run {self.name!r} has no text.txt; "
                "write the text into that file"
            )
        return load_corpus(self.recipe.text)

    def metrics(self) -> list[dict[str, Any]]:
        """Read all logged rows, in order. An incomplete line is skipped."""
        return list(read_lines(self.folder / "metrics.jsonl"))

    def samples(self) -> list[dict[str, Any]]:
        """Read the sample of each snapshot: rows of step, prompt, seed, text."""
        return list(read_lines(self.folder / "samples.jsonl"))

    @property
    def lock(self) -> FileLock:
        """The lock that the training process holds until it ends."""
        return FileLock(self.folder / ".lock")

    @property
    def status(self) -> Status:
        """The state now, from status.json and the lock."""
        try:
            saved = read_json(self.folder / "status.json")
            status = Status(saved["state"], saved["step"], str(saved["why"]))
            if status.state not in get_args(State) or not is_step(status.step):
                raise RunError(f"no run can be {status.state!r} at step {status.step!r}")
        except UNREADABLE:
            return Status("finished" if self.steps else "queued", self.steps[-1] if self.steps else 0)
        if status.state in ("running", "paused") and not self.is_held:
            why = "its training process has ended; it can be resumed"
            if shutil.disk_usage(self.folder).free < MIN_FREE:
                why = "the disk is full, and its training process has ended; free some space, then resume"
            return replace(status, state="interrupted", why=why)
        return status

    @property
    def is_held(self) -> bool:
        """Whether a training process holds the lock.

        A read-only folder cannot be locked. There a run counts as held if status.json changed in the last `QUIET`
        seconds. A time in the future, after a clock went back, says nothing of a process.
        """
        if not (self.folder / ".lock").exists():  # taking the lock would create it, and a deleted folder again
            return False
        try:
            with self.lock.acquire(timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            path = self.folder / "status.json"
            return path.is_file() and abs(time.time() - path.stat().st_mtime) < QUIET

    def set_status(self, state: State, step: int = 0, why: str = "") -> None:
        """Write status.json. On a full disk, overwrite the old file in place, which needs no new space."""
        path, value = self.folder / "status.json", {"state": state, "step": step, "why": why}
        try:
            write_json(path, value)
        except OSError:
            if not path.is_file():
                raise
            with open_regular(path, "r+b") as file:
                file.write(json.dumps(value, ensure_ascii=False).encode())
                file.truncate()

    @cached_property
    def resume_path(self) -> Path:
        """The file with the saved state to resume from."""
        return self.folder / "resume" / "state.safetensors"

    def frozen_path(self, role: str) -> Path:
        """Return the run folder of a frozen model that this run needs. role: "reference" or "reward"."""
        return self.folder / "resume" / role

    @property
    def frozen(self) -> dict[str, Path]:
        """Role → folder of the frozen models that this run needs. Shipped runs have none and cannot be resumed."""
        paths = {role: self.frozen_path(role) for role in self.objective.frozen}
        return {role: path for role, path in paths.items() if path.is_dir() and not path.is_symlink()}

    def frozen_model(self, role: str) -> Model:
        """Load the frozen model of this role."""
        return load_run(self.frozen_path(role)).model()

    @property
    def began_at(self) -> int:
        """The first step: the parent's snapshot for a fork, 0 for a stage or a new run."""
        return self.parent.step if self.parent and not self.parent.stage else 0

    @cached_property
    def stop_request(self) -> Path:
        """The empty file that asks the worker to stop."""
        return self.folder / "stop"

    @cached_property
    def pause_request(self) -> Path:
        """The empty file that asks the worker to wait while it is there."""
        return self.folder / "pause"


def load_run(folder: str | Path) -> Run:
    """Open a run folder: `load_run("runs/mine")`, `load_run("assets/models/shakespeare-char")`.

    Raises RunError where it is no run folder, a file cannot be read, or config.json and tokenizer.json disagree.
    """
    folder = Path(folder)
    try:
        if not (folder / "config.json").is_file():
            raise RunError(f"{str(folder)!r} is no run: it has no config.json. `python -m gpt.train` creates one")
        check_folder(folder)
        config = read_json(folder / "config.json")
        tokenizer = tokenizer_from_dict(read_json(folder / "tokenizer.json"))
        if config["format"] != FORMAT:
            raise RunError(f"run {folder.name!r} has format {config['format']!r}; this version reads {FORMAT}")
        recipe = Recipe.from_dict(config["recipe"])
        if recipe.model.vocab_size != tokenizer.vocab_size:
            raise RunError(
                f"run {folder.name!r}: tokenizer.json has {tokenizer.vocab_size} tokens, "
                f"the model {recipe.model.vocab_size}"
            )
        parent, title = _parent(config.get("parent")), config.get("title", "")
        if not isinstance(title, str):
            raise ValueError(f"its title is {title!r}, which is no text")
    except RunError:
        raise
    except UNREADABLE as error:
        raise RunError(f"run {folder.name!r} cannot be read: {error}") from error
    return Run(folder, recipe, tokenizer, parent, title)


def _parent(value: Any) -> Parent | None:
    """Read the `parent` of config.json. Raises ValueError on a field of the wrong type."""
    if value is None:
        return None
    parent = Parent(value["run"], value["step"], value["changed"], value.get("stage", False))
    kinds = (type(parent.run), type(parent.step), type(parent.changed), type(parent.stage))
    if kinds != (str, int, dict, bool) or parent.step < 0:
        raise ValueError(f"{value!r} is no parent of a run")
    return parent
