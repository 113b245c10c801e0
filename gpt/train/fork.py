"""Fork a run: begin a new one with the weights of a snapshot, and with some switches changed."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gpt.model.config import GPTConfig
from gpt.text.corpus import Corpus, load_corpus, truly_named
from gpt.train.create import Draft, begin_with, check_spelling, copy_newest, new_folder, objective_of
from gpt.train.estimate import check_fits, shapes_of
from gpt.train.objectives import Objective
from gpt.train.recipe import Recipe
from gpt.train.run import Parent, Run, RunError, load_run

MOST_DRAWS = 2 * 10**9  # half a minute
DRAWS_AT_ONCE = 2**20
FIXED = {
    "tokenizer": "the weights only fit the parent's tokens",
    "objective": "the weights only fit the parent's objective",
}


def fork_run(
    parent: Run, step: int | None, folder: str | Path, corpus: Corpus | None = None, *, parts: int = 1, **changes: Any
) -> Run:
    """Create a run, queued, that begins with a snapshot of `parent` (None: its newest), with some switches changed.

    changes: fields of Recipe or of its model: the learning rate, dropout, causal, … `text` is the name of another text;
    `corpus` is the text itself. The child's first step is the snapshot's, so `steps` includes the parent's. It draws
    the same batches as the parent, unless `seed`, batch size or text differ. Its optimizer has no state: snapshots only
    have weights. parts: the number of parts of each batch. Raises ValueError on a change that gives the weights other
    shapes, or a text with characters that have no token.
    """
    model = parent.model(step)
    step = parent.steps[-1] if step is None else step
    recipe = forked_recipe(parent, step, **changes)
    if corpus is None:
        corpus = load_corpus(recipe.text) if "text" in changes else parent.corpus()
    corpus = truly_named(corpus)
    check_spelling(parent, corpus)
    if corpus.name != parent.recipe.text:
        changes |= {"text": corpus.name}
    check_fits(recipe, Path(folder), parts=parts)
    lineage = Parent(parent.name, step, changes)
    frozen = {role: load_run(path) for role, path in parent.frozen.items()}
    objective = objective_of(Draft(Path(folder), recipe, parent.tokenizer, lineage, text=corpus, sources=parent.frozen))
    generators = _generators(recipe, objective, step, model)
    child = new_folder(folder, recipe, parent.tokenizer, corpus, lineage)
    for role, source in frozen.items():
        copy_newest(source, child.frozen_path(role))
    begin_with(child, model.state_dict(), step, generators)
    return child


def forked_recipe(parent: Run, step: int, **changes: Any) -> Recipe:
    """Return the parent's recipe with the changes.

    Raises ValueError on a change that a fork at this step cannot make.
    """
    for name, why in FIXED.items():
        if changes.get(name, getattr(parent.recipe, name)) != getattr(parent.recipe, name):
            raise ValueError(f"{name} cannot change in a fork: {why}")
    if step > parent.recipe.steps:
        raise RunError(
            f"run {parent.name!r} has {parent.recipe.steps} steps, so its snapshot of step {step} is not its own; "
            "fork another"
        )
    shapes = shapes_of(parent.recipe.model, parent.objective.kind)
    for name in (f.name for f in fields(GPTConfig) if f.name in changes):
        model = parent.recipe.changed(**{name: changes[name]}).model
        has_vocab = model.vocab_size == parent.recipe.model.vocab_size
        if not has_vocab or shapes_of(model, parent.objective.kind) != shapes:
            raise ValueError(
                f"{name}={changes[name]!r} cannot change in a fork: the weights of {parent.name!r} would not fit; "
                "start a new run"
            )
    recipe = parent.recipe.changed(**changes)
    if recipe.steps <= step:
        raise ValueError(f"steps={recipe.steps} is where the fork would end, but it begins at step {step}; give more")
    return recipe


def _generators(recipe: Recipe, objective: Objective[Any], step: int, model: nn.Module) -> dict[str, Tensor]:
    """Return the RNG states after the parent's draws: "batches" for the batches, "torch" for the rest.

    A batch takes `batch_size` random numbers. A policy's batches depend on its weights at each step and cannot be drawn
    again, so its generator begins at the seed.
    """
    batches = torch.Generator().manual_seed(recipe.seed)
    if not objective.draws_from_model and step:
        objective.draw(model, batches)
        skip(batches, (step - 1) * recipe.batch_size)
    return {"batches": batches.get_state(), "torch": torch.Generator().manual_seed(recipe.seed).get_state()}


def skip(generator: torch.Generator, count: int) -> None:
    """Advance a generator by `count` 32-bit numbers. Raises RunError where that would take minutes."""
    if count > MOST_DRAWS:
        raise RunError(
            f"the parent has drawn {count:,} random numbers, and a fork draws them again; "
            f"that is possible up to {MOST_DRAWS:,}: fork an earlier snapshot"
        )
    for start in range(0, count, DRAWS_AT_ONCE):
        torch.empty(min(DRAWS_AT_ONCE, count - start), dtype=torch.int32).random_(0, 2, generator=generator)
