import math

import pytest
import torch

from gpt import build_model
from gpt.train.loop import Trainer
from gpt.train.optim import OPTIMIZERS, Muon, orthogonalize, orthogonalize_all


@pytest.mark.parametrize("shape", [(8, 8), (4, 16), (16, 4), (1, 5), (5, 1), (96, 32)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_singular_values_come_near_one(shape, size):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * size
    [result] = orthogonalize(matrix[None])
    values = torch.linalg.svdvals(result)
    assert result.shape == shape and values.min() > 0.6 and values.max() < 1.25


def orthogonalize_plainly(matrix: torch.Tensor) -> torch.Tensor:
    """Five Newton-Schulz steps on the matrix (m, n) itself, as Jordan 2024 writes them."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.T if matrix.size(0) > matrix.size(1) else matrix
    x = x / x.norm()
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.size(0) > matrix.size(1) else x


@pytest.mark.parametrize("rank", [1, 3, 32])
def test_matrices_together_give_the_same_as_one_by_one(rank):
    generator = torch.Generator().manual_seed(rank)
    shapes = [(32, 96), (32, 32), (128, 32), (32, 96), (32, 128), (96, 32), (32, 32)]
    matrices = [
        torch.randn(m, rank, generator=generator) @ torch.randn(rank, n, generator=generator) for m, n in shapes
    ]
    for matrix, result in zip(matrices, orthogonalize_all(matrices), strict=True):
        torch.testing.assert_close(result, orthogonalize_plainly(matrix), atol=1e-4, rtol=0)


def test_orthogonalizing_maps_each_singular_value_by_the_polynomial_of_the_paper():
    values = torch.tensor([1.0, 0.5, 0.1, 0.01]).double()
    u, v = (torch.linalg.qr(torch.randn(n, 4, generator=torch.Generator().manual_seed(n)).double()).Q for n in (4, 7))
    x = values / values.norm()
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    [result] = orthogonalize((u @ values.diag() @ v.T)[None])
    torch.testing.assert_close(result, u @ x.diag() @ v.T, atol=1e-5, rtol=0)


def test_orthogonalizing_keeps_the_directions():
    matrix = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    rotated = u.T @ orthogonalize(matrix[None])[0] @ vh.T
    assert (rotated - torch.diag(rotated.diagonal())).abs().max() < 1e-4


def test_no_gradient_no_update():
    assert torch.equal(orthogonalize(torch.zeros(1, 3, 4)), torch.zeros(1, 3, 4))


def test_a_muon_step_has_adams_size():
    parameter = torch.zeros(16, 64, requires_grad=True)
    parameter.grad = torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    Muon([parameter], lr=0.01, weight_decay=0.0).step()
    assert parameter.square().mean().sqrt().item() == pytest.approx(0.01 * 0.2, rel=0.2)
    bound = 0.01 * 0.2 * math.sqrt(64)
    assert 0.6 * bound < torch.linalg.svdvals(parameter).min() and torch.linalg.svdvals(parameter).max() < 1.25 * bound


def test_muon_decays_weights_apart_from_the_gradient():
    parameter = torch.ones(2, 3, requires_grad=True)
    parameter.grad = torch.zeros(2, 3)
    Muon([parameter], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(parameter.detach(), torch.full((2, 3), 0.95))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("changes", [{}, {"tie_weights": True}, {"bias": False}, {"mlp": False}, {"n_layer": 0}])
def test_every_parameter_has_one_home(recipe, optimizer, changes):
    wanted = recipe(optimizer=optimizer, weight_decay=0.25, **changes)
    model = build_model(wanted.model)
    groups = [group for made in OPTIMIZERS[optimizer].make(model, wanted) for group in made.param_groups]
    homes = [parameter for group in groups for parameter in group["params"]]
    assert len(homes) == len({id(p) for p in homes}) == len(list(model.parameters()))
    assert {id(p) for p in homes} == {id(p) for p in model.parameters()}
    for group in groups:
        assert all((group["weight_decay"] == 0.25) == (p.dim() >= 2) for p in group["params"])


def test_muon_takes_the_blocks_matrices_alone(recipe):
    model = build_model(recipe().model)
    _, muon = OPTIMIZERS["muon"].make(model, recipe())
    names = {id(p): name for name, p in model.named_parameters()}
    assert [names[id(p)] for p in muon.param_groups[0]["params"]] == [
        f"blocks.0.{matrix}.weight" for matrix in ("attn.qkv", "attn.proj", "mlp.up", "mlp.down")
    ]
    assert len(OPTIMIZERS["muon"].make(build_model(recipe(n_layer=0).model), recipe())) == 1


@pytest.mark.parametrize("changes", [{}, {"n_kv_head": 1, "gated": True}, {"mlp": False}, {"projection": False}])
def test_muons_arithmetic_is_counted(recipe, changes):
    from torch.utils.flop_counter import FlopCounterMode

    model = build_model(recipe(**changes).model)
    muon = OPTIMIZERS["muon"].make(model, recipe())[-1]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    with FlopCounterMode(display=False) as counted:
        muon.step()
    assert counted.get_total_flops() == OPTIMIZERS["muon"].flops(model.config)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_row_of_n_grams_changes_only_where_the_batch_has_one(new_run, optimizer):
    """It has no momentum and no weight decay, so an old gradient moves no row."""
    trainer = Trainer(new_run(optimizer=optimizer, ngrams=2, ngram_rows=500, weight_decay=0.1), torch.device("cpu"))
    table = trainer.model.ngrams.table
    for _ in range(4):
        before = table.detach().clone()
        trainer.advance()
        [keys] = trainer.model.ngrams.keys(trainer.batch[0])
        changed = (table != before).any(1).nonzero().flatten()
        assert set(changed.tolist()) == set((keys % 500).flatten().tolist())


def test_embeddings_have_a_learning_rate_of_their_own_with_muon(new_run):
    changes = {}
    for factor in (1.0, 4.0):
        trainer = Trainer(new_run(optimizer="muon", embed_lr=factor, warmup=0), torch.device("cpu"))
        before = {name: parameter.detach().clone() for name, parameter in trainer.model.named_parameters()}
        assert trainer.advance()["lr"] == trainer.recipe.lr
        changes[factor] = {name: p.detach() - before[name] for name, p in trainer.model.named_parameters()}
    for name, change in changes[1.0].items():
        is_matrix = name.startswith("blocks.") and change.dim() == 2
        torch.testing.assert_close(changes[4.0][name], change * (1 if is_matrix else 4), atol=1e-6, rtol=0)
