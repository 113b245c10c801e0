"""Muon by hand: each step is the optimizer's, singular values move by the polynomial, and the band keeps them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt import GPT, GPTConfig, Recipe, loss_of
from gpt.after.muon import BAND, agreements, gradient, homes, newton_schulz, polynomial, walk
from gpt.train.optim import orthogonalize

CONFIG = GPTConfig(vocab_size=11, block_size=8, n_layer=2, n_head=2, n_embd=8, tie_weights=False)
DOWN = "blocks.1.mlp.down.weight"


def matrix(m, n, seed=0):
    return torch.randn(m, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (6, 6)])
def test_every_step_is_the_optimizers(shape):
    given = matrix(*shape)
    walked = walk(given, steps=7, corner=9)
    for step in range(1, 8):
        [expected] = orthogonalize(given[None], steps=step)
        expected = expected.mT if shape[0] > shape[1] else expected
        torch.testing.assert_close(walked.corners[step], expected, atol=1e-5, rtol=0)


def test_a_step_moves_singular_values_by_the_polynomial_and_keeps_their_directions():
    walked = walk(matrix(6, 20), steps=4, corner=6)
    torch.testing.assert_close(walked.values[1:], polynomial(walked.values[:-1]))
    x = walked.corners[0]  # 6 columns of it
    assert x.shape == (6, 6) and walked.values[0].square().sum() == pytest.approx(1)
    assert walked.values[0].tolist() == sorted(walked.values[0].tolist(), reverse=True)


def test_the_distances_are_those_of_the_singular_values():
    walked = walk(matrix(5, 7), steps=5, corner=3)
    torch.testing.assert_close(walked.distances, (walked.values**2 - 1).norm(dim=1))
    torch.testing.assert_close(walked.misses, (walked.values - 1).norm(dim=1))
    assert walked.corners.shape == (6, 3, 3) and walked.exact.shape == (3, 3)
    assert walked.misses[5] < walked.misses[0]


def test_the_exact_matrix_is_orthogonal():
    exact = walk(matrix(5, 5), steps=0, corner=5).exact
    torch.testing.assert_close(exact @ exact.T, torch.eye(5, dtype=torch.float64))


@given(st.floats(*BAND))
def test_the_band_keeps_its_values(value):
    low, high = BAND
    assert low <= polynomial(torch.tensor(value, dtype=torch.float64)) <= high


@given(st.floats(1e-4, 1))
def test_every_value_reaches_the_band(value):
    x = torch.tensor(value, dtype=torch.float64)
    for _ in range(9):
        x = polynomial(x)
    assert BAND[0] <= x <= BAND[1]


def test_the_first_majority():
    walked = walk(torch.diag(torch.tensor([0.9, 0.3, 0.3])), steps=3, corner=3)
    assert walked.inside == [1, 3, 3, 3] and walked.first_majority() == 1
    assert walk(torch.diag(torch.tensor([1, 1e-5, 1e-5])), steps=3, corner=3).first_majority() is None


def test_a_gradient_of_zeros_has_no_direction():
    with pytest.raises(ValueError, match="0 everywhere"):
        walk(torch.zeros(3, 4), steps=1, corner=3)


def test_the_gradient_is_autograds_and_the_model_stays_as_it_is():
    torch.manual_seed(0)
    model = GPT(CONFIG)
    x, y = torch.randint(11, (2, 3, 8), generator=torch.Generator().manual_seed(1))
    result = gradient(model, DOWN, x, y)
    assert all(parameter.grad is None for parameter in model.parameters())
    loss_of(model(x), y).backward()
    torch.testing.assert_close(result, model.get_parameter(DOWN).grad)


def test_equal_gradients_agree_and_noise_does_not():
    same = [matrix(4, 40, seed) for seed in range(3)]
    for curve in agreements(same, same):
        assert curve == pytest.approx([1, 1, 1], abs=1e-5)
    raw, updates = agreements(same, [-each for each in same])
    assert raw == pytest.approx([-1, -1, -1]) and updates == pytest.approx([-1, -1, -1], abs=1e-5)
    raw, updates = agreements(same, [matrix(4, 40, seed) for seed in range(3, 6)])
    assert max(map(abs, (*raw, *updates))) < 0.5


def test_muon_has_the_matrices_of_the_blocks():
    owners = homes(GPT(CONFIG), Recipe(model=CONFIG))
    muon = {name for name, owner in owners.items() if owner == "Muon"}
    parts = ("attn.qkv", "attn.proj", "mlp.up", "mlp.down")
    assert muon == {f"blocks.{layer}.{part}.weight" for layer in (0, 1) for part in parts}
    assert owners["embed.weight"] == owners["unembed.weight"] == owners["blocks.0.ln1.weight"] == "AdamW"


def test_one_step_is_the_polynomial_of_the_matrix():
    x = torch.tensor([[0.5]], dtype=torch.float64)
    assert newton_schulz(x).item() == pytest.approx(3.4445 * 0.5 - 4.775 * 0.125 + 2.0315 * 0.03125)
