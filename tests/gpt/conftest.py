"""Tiny models and texts for the tests of gpt/.

small_config(**changes)   a GPTConfig of 2 layers, 2 heads, 8 features, 11 tokens.
make_model(**changes)     a GPT of that config, in eval mode, with weights large enough for distinct patterns.
ids(B, T)                 random ids for it.
"""

import pytest
import torch

from gpt import GPT, GPTConfig

SMALL = {"vocab_size": 11, "block_size": 12, "n_layer": 2, "n_head": 2, "n_embd": 8}


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_config():
    def build(**changes) -> GPTConfig:
        return GPTConfig(**{**SMALL, **changes})

    return build


@pytest.fixture(scope="session")
def make_model(small_config):
    def build(seed: int = 0, **changes) -> GPT:
        torch.manual_seed(seed)
        model = GPT(small_config(**changes)).eval().requires_grad_(False)
        for parameter in model.parameters():
            parameter += torch.randn_like(parameter) * 0.3
        return model

    return build


@pytest.fixture(scope="session")
def ids():
    def draw(B: int = 2, T: int = 7, seed: int = 0, vocab_size: int = SMALL["vocab_size"]) -> torch.Tensor:
        return torch.randint(vocab_size, (B, T), generator=torch.Generator().manual_seed(seed))

    return draw
