"""A run that begins where another one was: its weights, other switches."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gpt.model.config import GPTConfig
from gpt.text.corpus import Corpus, load_corpus, truly_named
from gpt.train.create import Draft, begin_with, check_spelling, copy_newest, objective_of
from gpt.train.estimate import check_fits, shapes_of
from gpt.train.objectives import Objective
from gpt.train.recipe import Recipe
from gpt.train.run import Parent, Run, RunError, load_run, new_folder

MOST_DRAWS = 2 * 10**9  # half a minute
DRAWS_AT_ONCE = 2**20
FIXED = {
    "tokenizer": "the weights know the parent's tokens alone",
    "objective": "the weights were made for the parent's",
}


def fork_run(
    parent: Run, step: int | None, folder: str | Path, corpus: Corpus | None = None, *, parts: int = 1, **changes: Any
) -> Run:
    """Make a new run, queued, that goes on from a snapshot of `parent` (None: its newest) with some switches changed.

    changes: fields of Recipe or of its model: the learning rate, dropout, causal, … `text` names another text, or `corpus` is
    it. The child counts steps on from the parent's, so `steps` is where it ends; it draws the batches that the parent drew
    from there on, unless `seed`, batch or text differ. Its optimizer begins afresh: snapshots hold weights alone.
    parts: in how many parts each batch will be taken.
    Raises ValueError naming what cannot be changed: whatever gives the weights other shapes, or a text that has characters
    without a token.
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
    """The parent's recipe with the changes. Raises ValueError on one that a fork at this step cannot make."""
    for name, why in FIXED.items():
        if changes.get(name, getattr(parent.recipe, name)) != getattr(parent.recipe, name):
            raise ValueError(f"{name} cannot change in a fork: {why}")
    if step > parent.recipe.steps:
        raise RunError(
            f"run {parent.name!r} has {parent.recipe.steps} steps, so its snapshot of step {step} is not its own; fork another"
        )
    shapes = shapes_of(parent.recipe.model, parent.objective.kind)
    for name in (f.name for f in fields(GPTConfig) if f.name in changes):
        alone = parent.recipe.changed(**{name: changes[name]})
        if (
            alone.model.vocab_size != parent.recipe.model.vocab_size
            or shapes_of(alone.model, parent.objective.kind) != shapes
        ):
            raise ValueError(
                f"{name}={changes[name]!r} cannot change in a fork: the weights of {parent.name!r} would not fit; start a new run"
            )
    recipe = parent.recipe.changed(**changes)
    if recipe.steps <= step:
        raise ValueError(f"steps={recipe.steps} is where the fork would end, but it begins at step {step}; give more")
    return recipe


def _generators(recipe: Recipe, objective: Objective[Any], step: int, model: nn.Module) -> dict[str, Tensor]:
    """States of generators as training goes on with them: that of batches has drawn as often as the parent's had.

    A batch of every other objective is `batch_size` random numbers.

    A policy's batches were drawn by its own weights at each step, so its generator begins afresh.
    """
    batches = torch.Generator().manual_seed(recipe.seed)
    if not objective.draws_from_model and step:
        objective.draw(model, batches)
        skip(batches, (step - 1) * recipe.batch_size)
    return {"batches": batches.get_state(), "torch": torch.Generator().manual_seed(recipe.seed).get_state()}


def skip(generator: torch.Generator, count: int) -> None:
    """Draw so many 32-bit numbers and forget them. Raises RunError where that would take minutes."""
    if count > MOST_DRAWS:
        raise RunError(
            f"the parent has drawn {count:,} random numbers, and a fork draws them again; that is possible up to {MOST_DRAWS:,}: "
            "fork an earlier snapshot"
        )
    for start in range(0, count, DRAWS_AT_ONCE):
        torch.empty(min(DRAWS_AT_ONCE, count - start), dtype=torch.int32).random_(0, 2, generator=generator)
