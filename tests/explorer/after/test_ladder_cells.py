"""The cells of the ladder's rungs compute what the real modules compute, and the notebook runs."""

import pytest
import torch

from explorer.lecture.kit.cells import read_cells
from gpt import GPTConfig
from gpt.model.attention import Attention
from gpt.model.experts import Experts
from gpt.model.mlp import MLP
from gpt.model.norms import RMSNorm
from gpt.model.positions import Rotary
from gpt.train.optim import Muon
from tests.explorer.lecture.running import copy, run

CONFIG = GPTConfig(
    block_size=8, n_layer=1, n_head=4, n_embd=32, n_kv_head=2, mlp_width=20, positions="rotary", norm="rms", gated=True,
    activation="silu", qk_norm=True, qkv_bias=False, window=3, experts=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def cells():
    names = list(read_cells("ladder"))
    return run("ladder", *names)


@pytest.fixture
def x():
    return torch.randn(2, 8, 32, generator=torch.Generator().manual_seed(0))


def close(ours, real):
    torch.testing.assert_close(ours, real, atol=1e-5, rtol=1e-5)


def stir(module):
    """Give a module weights that none of its parts can hide behind, and return it."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module.eval()


def test_rmsnorm_is_the_real_one(cells, x):
    real, ours = stir(RMSNorm(32)), cells["RMSNorm"](32)
    copy(real, ours)
    close(ours(3 * x), real(3 * x))


def test_apply_rotary_is_the_real_one(cells):
    heads = torch.randn(2, 4, 8, 16)  # (B, n_head, T, head_size)
    real = Rotary(GPTConfig(n_head=2, n_embd=32, positions="rotary"))
    close(cells["apply_rotary"](heads), real(heads.transpose(1, 2)).transpose(1, 2))


def test_swiglu_is_the_real_gated_mlp(cells, x):
    real, ours = stir(MLP(CONFIG)), cells["SwiGLU"](32, 20)
    copy(real, ours)
    close(ours(x), real(x))


def test_attention_of_all_rungs_is_the_real_one(cells, x):
    real, ours = stir(Attention(CONFIG)), cells["Attention"](32, n_head=4, n_kv_head=2, window=3)
    state = real.state_dict()
    query, key, value = state.pop("qkv.weight").split([32, 16, 16])
    ours.load_state_dict(state | {"query.weight": query, "key.weight": key, "value.weight": value})
    close(ours(x), real(x))


@pytest.mark.parametrize("shape", [(16, 16), (8, 24), (24, 8)])
def test_a_step_of_muon_is_the_real_one(cells, shape):
    torch.manual_seed(0)
    ours, real = (torch.nn.Parameter(torch.ones(shape)) for _ in range(2))
    optimizer, mean = Muon([real], lr=0.1, weight_decay=0.0), torch.zeros(shape)
    for _ in range(3):
        ours.grad = real.grad = torch.randn(shape)
        cells["muon_step"](ours, mean, lr=0.1)
        optimizer.step()
    torch.testing.assert_close(ours, real, atol=1e-4, rtol=1e-4)


def test_experts_and_their_balance_are_the_real_ones(cells, x):
    real, ours = stir(Experts(CONFIG)), cells["Experts"](32, 20, 3)
    real.balance += torch.tensor([0.0, 0.2, -0.1])
    copy(real, ours)
    close(ours(x), real(x))
    real.train()(x)
    cells["move_balance"](ours)
    assert torch.equal(ours.balance, real.balance) and not torch.equal(real.balance, torch.tensor([0.0, 0.2, -0.1]))
