"""A run is a folder: the only thing that training and exploring share. Readers and makers here, its writer in loop.py.

Weights are safetensors only; what a person could have handed in is never unpickled.
"""

import json
import platform
import re
import shutil
import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from filelock import FileLock, Timeout

from gpt.model.build import Model, build_model
from gpt.text.corpus import CORPORA, Corpus, CorpusError, load_corpus, truly_named
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
    write_text,
)
from gpt.train.machine import count_in_words
from gpt.train.objectives import OBJECTIVES, Objective
from gpt.train.recipe import Recipe

FORMAT = 1
QUIET = 120  # seconds in which a worker writes at least once
LITTLE = 100_000  # bytes: a disk with less is full
SNAPSHOT = re.compile(r"(\d{6}|[1-9]\d{6,14})\.safetensors", re.ASCII)
State = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]


UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)  # of alien JSON


@dataclass(frozen=True)
class Status:
    """Where a run stands. "interrupted": it says running, but no worker holds its lock."""

    state: State
    step: int = 0
    why: str = ""


@dataclass(frozen=True)
class Parent:
    """Where the first weights of a fork or of a stage come from, and what was changed from there."""

    run: str  # the parent folder's name
    step: int
    changed: dict[str, Any]
    stage: bool = False  # a stage has another objective, and counts its own steps


@dataclass(frozen=True)
class Run:
    """A run folder, read. Nothing is cached but what never changes."""

    folder: Path
    recipe: Recipe
    tokenizer: Tokenizer
    parent: Parent | None = None
    title: str = ""  # where the person gave a name that no folder can have

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def label(self) -> str:
        """What people call it: its title, or its name."""
        return self.title or self.name

    @property
    def objective(self) -> type[Objective[Any]]:
        """What it learns: the class, which has the objective's traits."""
        return OBJECTIVES[self.recipe.objective]

    @property
    def steps(self) -> list[int]:
        """Steps that have a snapshot, ascending."""
        names = (path.name for path in (self.folder / "snapshots").glob("*.safetensors"))
        return sorted(int(found[1]) for found in map(SNAPSHOT.fullmatch, names) if found)

    def snapshot_path(self, step: int) -> Path:
        """Where the snapshot of a step lies, or would lie."""
        return self.folder / "snapshots" / f"{step:06d}.safetensors"

    def model(self, step: int | None = None) -> Model:
        """The model of a snapshot (None: the newest), in eval mode, float32, on the CPU.

        Raises RunError where there is no such snapshot, or it is not this model's weights.
        """
        steps = self.steps
        if not steps:
            raise RunError(f"run {self.name!r} has no snapshot yet; wait for its first, or train it on")
        step = steps[-1] if step is None else step
        if step not in steps:
            raise RunError(f"run {self.name!r} has no snapshot of step {step}; it has {', '.join(map(str, steps))}")
        model = self.new_model(f"its snapshot of step {step}", self.snapshot_path(step))
        return model.eval().requires_grad_(False)

    def new_model(self, what: str, weights: Path, prefix: str = "") -> Model:
        """Build this run's model and fill it from a safetensors file, whose shapes are checked before memory is spent."""
        what = f"run {self.name!r}: {what}"
        with open_tensors(weights, what) as file:
            names = {name for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118 (a safetensors file is no dict)
            if self.recipe.model.n_layer > len(names):
                raise RunError(
                    f"{what} has {len(names)} tensors, too few for {count_in_words(self.recipe.model.n_layer)} layers"
                )
            shapes = shapes_of(self.recipe.model, self.objective.kind)
            expected = {prefix + name: shape for name, shape in shapes.items()}
            found = {name: file.get_slice(name).get_shape() for name in names}
            wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            if wrong:
                name = wrong[0]
                raise RunError(
                    f"{what} holds another model's weights; {name} has shape {found.get(name)}, config.json asks for {expected.get(name)}"
                )
            model = build_model(self.recipe.model, self.objective.kind)
            model.load_state_dict({name.removeprefix(prefix): file.get_tensor(name) for name in names})
        return model

    def corpus(self) -> Corpus:
        """The text it trains on: its own text.txt, or one with a name. Raises CorpusError where that is gone.

        `recipe.text` is never read as a path: a run that was handed in may name any file there.
        """
        own = self.folder / "text.txt"
        if own.exists():
            check_folder(self.folder)
            return replace(load_corpus(own), name=self.recipe.text)
        if self.recipe.text not in CORPORA:
            raise CorpusError(
                f"{self.recipe.text!r} is neither a known text nor a file of run {self.name!r}, which has no text.txt; put the text there"
            )
        return load_corpus(self.recipe.text)

    def metrics(self) -> list[dict[str, Any]]:
        """All logged rows, in order; a torn line is skipped."""
        return list(read_lines(self.folder / "metrics.jsonl"))

    def samples(self) -> list[dict[str, Any]]:
        """What it wrote at each snapshot: rows of step, prompt, seed, text."""
        return list(read_lines(self.folder / "samples.jsonl"))

    @property
    def lock(self) -> FileLock:
        """The lock that a worker holds while it lives."""
        return FileLock(self.folder / ".lock")

    @property
    def status(self) -> Status:
        """Where it stands now."""
        try:
            saved = read_json(self.folder / "status.json")
            status = Status(saved["state"], saved["step"], str(saved["why"]))
            if status.state not in get_args(State) or not is_step(status.step):
                raise RunError(f"no run can be {status.state!r} at step {status.step!r}")
        except UNREADABLE:
            return Status("finished" if self.steps else "queued", self.steps[-1] if self.steps else 0)
        if status.state in ("running", "paused") and not self.is_held:
            why = "its training process is gone; it can be resumed"
            if shutil.disk_usage(self.folder).free < LITTLE:
                why = "the disk is full, and its training process is gone; free some space, then resume"
            return replace(status, state="interrupted", why=why)
        return status

    @property
    def is_held(self) -> bool:
        """Whether a worker holds the lock. Taking a lock would make a folder that is gone anew.

        Where the folder is mounted to be read only, no lock can be tried; a worker elsewhere is known by its writing.
        """
        if not self.folder.is_dir():
            return False
        try:
            with self.lock.acquire(timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            written = self.folder / "status.json"
            return written.is_file() and time.time() - written.stat().st_mtime < QUIET

    def set_status(self, state: State, step: int = 0, why: str = "") -> None:
        """Write status.json; on a full disk over the old one, in whose own space there is room."""
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
        """Where the state lies that training goes on from."""
        return self.folder / "resume" / "state.safetensors"

    def frozen_path(self, role: str) -> Path:
        """The folder of a frozen model that this run needs, itself a run folder. role: "reference" or "reward"."""
        return self.folder / "resume" / role

    @property
    def frozen(self) -> dict[str, Path]:
        """Role → folder of the frozen models that this run needs. Shipped runs have none and cannot be resumed."""
        paths = {role: self.frozen_path(role) for role in self.objective.frozen}
        return {role: path for role, path in paths.items() if path.is_dir() and not path.is_symlink()}

    def frozen_model(self, role: str) -> Model:
        """Open the frozen model that has this role."""
        return load_run(self.frozen_path(role)).model()

    @property
    def began_at(self) -> int:
        """Its first step: a fork counts on from its parent's, a stage anew."""
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

    Raises RunError where it is none, its config.json or tokenizer.json cannot be read, or the two do not belong together.
    """
    folder = Path(folder)
    try:
        if not (folder / "config.json").is_file():
            raise RunError(f"{str(folder)!r} is no run: it has no config.json. `python -m gpt.train` makes one")
        check_folder(folder)
        config = read_json(folder / "config.json")
        tokenizer = tokenizer_from_dict(read_json(folder / "tokenizer.json"))
        if config["format"] != FORMAT:
            raise RunError(f"run {folder.name!r} has format {config['format']!r}; this version reads {FORMAT}")
        recipe = Recipe.from_dict(config["recipe"])
        if recipe.model.vocab_size != tokenizer.vocab_size:
            raise RunError(
                f"run {folder.name!r}: tokenizer.json has {tokenizer.vocab_size} tokens, the model {recipe.model.vocab_size}"
            )
        parent, title = _parent(config.get("parent")), config.get("title", "")
        if not isinstance(title, str):
            raise ValueError(f"its title is {title!r}, which is no text")
    except RunError:
        raise
    except UNREADABLE as error:
        raise RunError(f"run {folder.name!r} cannot be read: {error}") from error
    return Run(folder, recipe, tokenizer, parent, title)


def new_folder(
    folder: str | Path, recipe: Recipe, tokenizer: Tokenizer, corpus: Corpus, parent: Parent | None = None
) -> Run:
    """Write what never changes of a run, without a status: so nobody starts it yet.

    Raises RunError where the folder already holds something.
    """
    corpus = truly_named(corpus)
    folder, recipe = Path(folder), replace(recipe, text=corpus.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FileExistsError
        (folder / "snapshots").mkdir()  # of two that make the same run at once, one fails here
    except (FileExistsError, NotADirectoryError) as error:
        raise RunError(
            f"{str(folder)!r} is not empty or no folder; choose another name, or go on with: python -m gpt.train --resume {folder}"
        ) from error
    if corpus.name not in CORPORA:
        write_text(folder / "text.txt", corpus.text)
    write_json(folder / "tokenizer.json", tokenizer.to_dict())
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    config = {"format": FORMAT, "recipe": recipe.to_dict(), "versions": versions}
    write_json(folder / "config.json", config | ({"parent": asdict(parent)} if parent else {}))
    return Run(folder, recipe, tokenizer, parent)


def _parent(value: Any) -> Parent | None:
    """The lineage as config.json has it. Raises ValueError on what no run can have."""
    if value is None:
        return None
    parent = Parent(value["run"], value["step"], value["changed"], value.get("stage", False))
    kinds = (type(parent.run), type(parent.step), type(parent.changed), type(parent.stage))
    if kinds != (str, int, dict, bool) or parent.step < 0:
        raise ValueError(f"{value!r} is no parent of a run")
    return parent
