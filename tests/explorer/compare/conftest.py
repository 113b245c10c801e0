"""compare(**choices)  the Compare page, with runs/tiny on the left and runs/table on the right unless said.
bpe                  the reference of a small Transformer with byte-pair tokens, trained on the same text."""

import pytest
import torch
from streamlit.testing.v1 import AppTest

from gpt import Corpus, GPTConfig, Recipe, create_run
from gpt.train.loop import train
from tests.explorer.conftest import TEXT


@pytest.fixture
def compare(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**{"against": "runs/table"} | choices).switch_page("../pages/compare.py").run()
        assert not app.exception
        assert app.title[0].value == "Compare"
        return app

    return open_with


@pytest.fixture
def bpe(runs) -> str:
    model = GPTConfig(block_size=16, n_layer=1, n_head=2, n_embd=8)
    recipe = Recipe(model=model, text="own", tokenizer="bpe-280", steps=1, batch_size=1, eval_batches=1, snapshots=1)
    train(create_run(runs / "bpe", recipe, Corpus("own", TEXT, "made for a test")), torch.device("cpu"))
    return "runs/bpe"
