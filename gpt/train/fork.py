"""A run that begins where another one was: its weights, other switches."""

import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt.model.config import GPTConfig
from gpt.text.batches import draw_batch, split_ids
from gpt.text.corpus import Corpus, load_corpus
from gpt.train.create import begin_with, check_spelling
from gpt.train.presets import Recipe
from gpt.train.run import Parent, Run, new_folder, shapes_of

FIXED = {
    "tokenizer": "the weights know the parent's tokens alone",
    "objective": "the weights were made for the parent's",
}


def fork_run(parent: Run, step: int | None, folder: str | Path, corpus: Corpus | None = None, **changes: Any) -> Run:
    """Make a new run, queued, that goes on from a snapshot of `parent` (None: its newest) with some switches changed.

    changes: fields of Recipe or of its model: the learning rate, dropout, causal, … `text` names another text, or `corpus` is
    it. The child counts steps on from the parent's, so `steps` is where it ends; it draws the batches that the parent drew
    from there on, unless `seed`, batch or text differ. Its optimizer begins afresh: snapshots hold weights alone.
    Raises ValueError naming what cannot be changed: whatever gives the weights other shapes, or a text that has characters
    without a token.
    """
    weights = parent.model(step).state_dict()
    step = parent.steps[-1] if step is None else step
    recipe = forked_recipe(parent, step, **changes)
    if corpus is None:
        corpus = load_corpus(recipe.text) if "text" in changes else parent.corpus()
    check_spelling(parent, corpus)
    if corpus.name != parent.recipe.text:
        changes |= {"text": corpus.name}
    generators = _generators(recipe, step, parent.tokenizer.encode(corpus.text))
    child = new_folder(folder, recipe, parent.tokenizer, corpus, Parent(parent.name, step, changes))
    for kept in parent.kept:
        shutil.copytree(kept, child.kept_path(kept.name))
    begin_with(child, weights, step, generators)
    return child


def forked_recipe(parent: Run, step: int, **changes: Any) -> Recipe:
    """The parent's recipe with the changes. Raises ValueError on one that a fork at this step cannot make."""
    for name, why in FIXED.items():
        if changes.get(name, getattr(parent.recipe, name)) != getattr(parent.recipe, name):
            raise ValueError(f"{name} cannot change in a fork: {why}")
    shapes = shapes_of(parent.recipe.model, parent.recipe.objective)
    for name in (f.name for f in fields(GPTConfig) if f.name in changes):
        alone = parent.recipe.changed(**{name: changes[name]})
        if alone.model.vocab_size != parent.recipe.model.vocab_size or shapes_of(alone.model, alone.objective) != shapes:
            raise ValueError(
                f"{name}={changes[name]!r} cannot change in a fork: the weights of {parent.name!r} would not fit; start a new run"
            )
    recipe = parent.recipe.changed(**changes)
    if recipe.steps <= step:
        raise ValueError(f"steps={recipe.steps} is where the fork would end, but it begins at step {step}; give more")
    return recipe


def _generators(recipe: Recipe, step: int, ids: list[int]) -> dict[str, Tensor]:
    """States of generators as training goes on with them: that of batches has drawn as often as the parent's had from a text."""
    train_ids, _ = split_ids(ids)
    batches = torch.Generator().manual_seed(recipe.seed)
    for _ in range(step if recipe.objective == "language" else 0):
        draw_batch(train_ids, recipe.batch_size, recipe.model.block_size, batches)
    return {"batches": batches.get_state(), "torch": torch.Generator().manual_seed(recipe.seed).get_state()}
