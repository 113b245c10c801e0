"""What the app's tests use: tiny runs made through gpt's own functions, and the app on one of its pages.

runs -> Path         a runs folder of its own for the test, which the app lists: `tiny` (2 layers × 3 heads, 32 tokens
                     of context) and `table` (a bigram).
train_kind(**switches) -> "runs/kind"
                     the link name of a tiny run whose model has these switches, in place of the run of that name before
open_app(**choices)  the app's first page, opened by a link with these choices; model="runs/tiny" unless said.
open_page(name, **choices)
                     the page pages/name.py with these choices; no training starts behind the test's back.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from streamlit import config
from streamlit.testing.v1 import AppTest

from explorer.train import jobs
from gpt import Corpus, GPTConfig, Recipe, create_run
from gpt.train.loop import train

ROOT = Path(__file__).parents[2]
TEXT = 40 * "First Citizen: Before we proceed any further,\nhear me speak. <b>&amp;</b>\n"
TINY = GPTConfig(block_size=32, n_layer=2, n_head=3, n_embd=12)
TABLE = GPTConfig(block_size=32, n_layer=0)


def train_tiny(folder: Path, model: GPTConfig, steps: int, snapshots: int) -> None:
    recipe = Recipe(model=model, text="own", steps=steps, batch_size=2, eval_batches=1, snapshots=snapshots)
    train(create_run(folder, recipe, Corpus("own", TEXT, "made for a test")), torch.device("cpu"))


@pytest.fixture(autouse=True, scope="session")
def local_server():
    """A server that only this machine reaches, as explorer/.streamlit/config.toml has it."""
    config.set_option("server.address", "localhost")


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    for name, model in (("tiny", TINY), ("table", TABLE)):
        train_tiny(folder / name, model, steps=2, snapshots=2)
    return folder


@pytest.fixture
def runs(trained, tmp_path, monkeypatch) -> Path:
    folder = Path(shutil.copytree(trained, tmp_path / "runs"))
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(folder))
    return folder


@pytest.fixture
def train_kind(runs) -> Callable[..., str]:
    def build(**switches) -> str:
        shutil.rmtree(runs / "kind", ignore_errors=True)
        model = GPTConfig(**{"block_size": 32, "n_layer": 1, "n_head": 2, "n_embd": 8} | switches)
        train_tiny(runs / "kind", model, steps=1, snapshots=1)
        return "runs/kind"

    return build


@pytest.fixture
def open_app(runs) -> Callable[..., AppTest]:
    def open_with(**choices: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=60)
        for name, value in ({"model": "runs/tiny"} | choices).items():
            app.query_params[name] = value
        return app.run()

    return open_with


@pytest.fixture
def open_page(open_app, monkeypatch) -> Callable[..., AppTest]:
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    return lambda name, **choices: open_app(**choices).switch_page(f"../pages/{name}.py").run()
