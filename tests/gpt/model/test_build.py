"""A model without memory has the shapes of a real one, and costs no import."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gpt.model.build import build_model, without_memory
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel
from gpt.model.seq2seq import Seq2Seq

ROOT = Path(__file__).parents[3]
SMALL = GPTConfig(vocab_size=11, block_size=8, n_layer=2, n_head=2, n_embd=8)


@pytest.mark.parametrize("kind", [GPT, Seq2Seq, RewardModel])
@pytest.mark.parametrize("change", [{}, {"tie_weights": True}, {"norm": "none"}, {"positions": "sinusoidal"}])
def test_the_shapes_are_those_of_a_model_with_memory(kind, change):
    config = replace(SMALL, **change)
    with without_memory():
        empty = build_model(config, kind).state_dict()
    real = build_model(config, kind).state_dict()
    assert {name: tensor.shape for name, tensor in empty.items()} == {
        name: tensor.shape for name, tensor in real.items()
    }
    assert all(tensor.is_meta for tensor in empty.values())


def test_random_numbers_are_drawn_as_before_outside_of_it():
    torch.manual_seed(3)
    first = build_model(SMALL).state_dict()
    with without_memory():
        build_model(SMALL)
    torch.manual_seed(3)
    assert all(torch.equal(first[name], tensor) for name, tensor in build_model(SMALL).state_dict().items())


def test_opening_the_first_model_imports_little():
    code = (
        "import sys; from gpt import load_run; before = set(sys.modules); load_run('assets/models/induction').model(); "
        "print(len(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50
