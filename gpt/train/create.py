"""Create runs: with new weights, or, for a stage, with the weights of an earlier run."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt.model.build import build_model
from gpt.model.reward import RewardModel
from gpt.text.corpus import CORPORA, Corpus, load_corpus, truly_named
from gpt.text.tokenizer import BPETokenizer, CharTokenizer, Tokenizer
from gpt.train.estimate import check_fits, shapes_of
from gpt.train.files import open_tensors, read_json, write_json, write_tensors, write_text
from gpt.train.objectives import OBJECTIVES, Objective
from gpt.train.recipe import Recipe
from gpt.train.run import FORMAT, Parent, Run, RunError, load_run

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "models"


def create_run(folder: str | Path, recipe: Recipe, corpus: Corpus | None = None, parts: int = 1) -> Run:
    """Create a run folder, queued, with config, tokenizer, and the text where it is a person's own.

    corpus: the text, where `recipe.text` is only its name. parts: the number of parts of each batch; more need less
    memory. A recipe with a `start` makes a stage: it begins with the newest weights of that run, beside it or shipped,
    at step 0. Raises ValueError, before anything is written, where the text is too short or of another kind. Raises
    RunError where the folder is not empty, this machine cannot train the recipe, or a run that it needs is missing, has
    other sizes, or has no token for a character of the text.
    """
    folder = Path(folder)
    check_fits(recipe, folder, parts=parts)
    corpus = corpus or load_corpus(recipe.text)
    if recipe.start:
        return _begin_stage(folder, recipe, corpus, parts)
    tokenizer = make_tokenizer(recipe.tokenizer, corpus.text)
    recipe = replace(recipe, model=replace(recipe.model, vocab_size=tokenizer.vocab_size))
    check_fits(recipe, folder, parts=parts)
    objective_of(Draft(folder, recipe, tokenizer, text=corpus))
    run = new_folder(folder, recipe, tokenizer, corpus)
    run.set_status("queued")
    return run


@dataclass(frozen=True, kw_only=True)
class Draft(Run):
    """A run without a folder yet. Its text is in memory; its frozen models are in their own run folders."""

    text: Corpus
    sources: Mapping[str, Path] = field(default_factory=dict)  # role → run folder

    def corpus(self) -> Corpus:
        return self.text

    def frozen_path(self, role: str) -> Path:
        return self.sources[role]


def objective_of(draft: Draft) -> Objective[Any]:
    """Create the objective of a draft. Raises ValueError where the text is too short or of another kind."""
    draft = replace(draft, recipe=replace(draft.recipe, text=draft.text.name))  # for error messages
    return draft.objective(draft, torch.device("cpu"))


def make_tokenizer(name: str, text: str) -> Tokenizer:
    """Create a tokenizer. name: "char" for the characters of the text, or "bpe-N" for N tokens trained on it."""
    kind, _, size = name.partition("-")
    return CharTokenizer.from_text(text) if kind == "char" else BPETokenizer.train(text, int(size))


def check_spelling(parent: Run, corpus: Corpus) -> None:
    """Raise RunError where the text has characters that this run has no tokens for."""
    unknown = parent.tokenizer.unknown(corpus.text)
    if unknown:
        raise RunError(
            f"the text {corpus.name!r} has characters that this run's tokenizer does not know: "
            f"{' '.join(map(repr, unknown[:10]))}"
            f"{f' and {len(unknown) - 10} more' if len(unknown) > 10 else ''}; give a text in the same alphabet"
        )


def new_folder(
    folder: str | Path, recipe: Recipe, tokenizer: Tokenizer, corpus: Corpus, parent: Parent | None = None
) -> Run:
    """Create a run folder with config, tokenizer and text, but no status: no process starts it yet.

    Raises RunError where the folder is not empty.
    """
    corpus = truly_named(corpus)
    folder, recipe = Path(folder), replace(recipe, text=corpus.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FileExistsError
        (folder / "snapshots").mkdir()  # where two processes create the same run, the second fails here
    except (FileExistsError, NotADirectoryError) as error:
        raise RunError(
            f"{str(folder)!r} is not empty or no folder; choose another name, "
            f"or go on with: python -m gpt.train --resume {folder}"
        ) from error
    if corpus.name not in CORPORA:
        write_text(folder / "text.txt", corpus.text)
    write_json(folder / "tokenizer.json", tokenizer.to_dict())
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    config = {"format": FORMAT, "recipe": recipe.to_dict(), "versions": versions}
    write_json(folder / "config.json", config | ({"parent": asdict(parent)} if parent else {}))
    return Run(folder, recipe, tokenizer, parent)


def begin_with(run: Run, weights: dict[str, Tensor], step: int, generators: dict[str, Tensor]) -> None:
    """Write the first state of a new run (weights, step, RNG states by name), and queue it."""
    run.resume_path.parent.mkdir(exist_ok=True)
    state = {f"model.{name}": tensor for name, tensor in weights.items()}
    state |= {f"rng.{name}": tensor for name, tensor in generators.items()}
    write_tensors(run.resume_path, state, {"step": str(step), "elapsed": "0"})
    run.set_status("queued", step)


def _begin_stage(folder: Path, recipe: Recipe, corpus: Corpus, parts: int) -> Run:
    parent = _find(recipe.start, folder.parent)
    check_spelling(parent, corpus)
    recipe = recipe.changed(vocab_size=parent.recipe.model.vocab_size, tokenizer=parent.recipe.tokenizer)
    find = {"reference": lambda: parent, "reward": lambda: _reward_model(recipe, parent, folder.parent)}
    frozen = {role: find[role]() for role in OBJECTIVES[recipe.objective].frozen}
    check_fits(recipe, folder, parts=parts)
    weights = _fitting_weights(recipe, parent)
    lineage = Parent(parent.name, parent.steps[-1], {"objective": recipe.objective, "text": corpus.name}, stage=True)
    sources = {role: source.folder for role, source in frozen.items()}
    objective_of(Draft(folder, recipe, parent.tokenizer, lineage, text=corpus, sources=sources))
    run = new_folder(folder, recipe, parent.tokenizer, corpus, lineage)
    for role, source in frozen.items():
        copy_newest(source, run.frozen_path(role))
    state = torch.Generator().manual_seed(recipe.seed).get_state()
    begin_with(run, weights, 0, {"batches": state, "torch": state})
    return run


def _find(name: str, beside: Path) -> Run:
    """Load the run of this name: from the folder `beside`, else a shipped one. Raises RunError without a snapshot."""
    for place in (beside, SHIPPED):
        if (place / name / "config.json").is_file():
            run = load_run(place / name)
            if not run.steps:
                raise RunError(f"run {name!r} has no snapshot to begin with yet; train it to its first snapshot")
            return run
    raise RunError(
        f"there is no run called {name!r} to begin with, neither in {str(beside)!r} nor among the shipped runs; "
        "train it first"
    )


def _reward_model(recipe: Recipe, parent: Run, beside: Path) -> Run:
    reward = _find(recipe.reward, beside)
    if reward.objective.kind is not RewardModel or reward.tokenizer.to_dict() != parent.tokenizer.to_dict():
        raise RunError(
            f"{reward.name!r} is no reward model with the tokenizer of {parent.name!r}; "
            "give one that was trained on the same text"
        )
    return reward


def _fitting_weights(recipe: Recipe, parent: Run) -> dict[str, Tensor]:
    """Return the parent's weights, without the layer that the objective replaces.

    Raises RunError where shapes differ.
    """
    objective = OBJECTIVES[recipe.objective]
    own, theirs = shapes_of(recipe.model, objective.kind), parent.model().state_dict()
    names = own.keys() | theirs.keys()
    if objective.new_layer:
        names = {name for name in own if not name.startswith(f"{objective.new_layer}.")}
    for name in sorted(names):
        shape = list(theirs[name].shape) if name in theirs else None
        if shape != own.get(name):
            raise RunError(
                f"a run of this recipe cannot begin with {parent.name!r}: "
                f"{name} is {shape} there and {own.get(name)} here; "
                "give both the same sizes"
            )
    return build_model(recipe.model, objective.kind).state_dict() | {name: theirs[name] for name in names}


def copy_newest(source: Run, folder: Path) -> None:
    """Copy a run's newest snapshot into a run folder of its own, which later changes of the run do not reach."""
    if not source.steps:
        raise RunError(f"run {source.name!r} has no snapshot, so no run can begin with it; choose another run")
    snapshot = source.snapshot_path(source.steps[-1])
    (folder / "snapshots").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        write_json(folder / name, read_json(source.folder / name))
    with open_tensors(snapshot, f"the newest snapshot of run {source.name!r}") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (the file is no dict)
    write_tensors(folder / "snapshots" / snapshot.name, weights)
