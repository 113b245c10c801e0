"""Small runs: `recipe(**changes)` is one that trains in a second, `new_run(**changes)` a fresh folder of it."""

import random
import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from gpt import Corpus, GPTConfig, Recipe, build_model, create_run
from gpt.train.files import write_tensors

CONFIG = GPTConfig(block_size=8, n_layer=1, n_head=2, n_embd=8)
RECIPE = Recipe(
    about="for tests", model=CONFIG, text="own", steps=30, batch_size=4, lr=1e-2, schedule="linear", warmup=3,
    eval_every=10, eval_batches=3, log_every=1, snapshots=5, seed=7,
)  # fmt: skip


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    words = ["to be", "or not", "that is", "the question\n", "Whether", "’tis nobler 🙂"]
    return Corpus("own", " ".join(random.Random(0).choices(words, k=300)), "made up for tests")


@pytest.fixture(scope="session")
def recipe():
    def build(**changes) -> Recipe:
        sizes = {name: changes.pop(name) for name in list(changes) if hasattr(CONFIG, name)}
        return replace(RECIPE, model=replace(CONFIG, **sizes), **changes)

    return build


@pytest.fixture
def new_run(tmp_path, recipe, corpus):
    numbers = count()

    def build(**changes):
        return create_run(tmp_path / f"run-{next(numbers)}", recipe(**changes), corpus)

    return build


@pytest.fixture(scope="module")
def good(tmp_path_factory, recipe, corpus) -> Path:
    """A run of two snapshots, without training."""
    run = create_run(tmp_path_factory.mktemp("runs") / "good", recipe(), corpus)
    torch.manual_seed(0)
    for step in (0, 30):
        write_tensors(run.snapshot_path(step), build_model(run.recipe.model).state_dict())
    run.set_status("finished", 30)
    return run.folder


@pytest.fixture
def folder(good, tmp_path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "run"))


@pytest.fixture
def short_samples(monkeypatch):
    monkeypatch.setattr("gpt.train.objectives.language.SAMPLE_TOKENS", 20)
