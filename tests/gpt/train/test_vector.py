"""Parameters in one vector, against torch's own loop over all parameters."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from gpt import build_model, load_run
from gpt.train.files import open_tensors, write_tensors
from gpt.train.loop import Trainer
from gpt.train.optim import OPTIMIZERS, lr_at
from gpt.train.vector import shorten_lookups

CPU = torch.device("cpu")
MODELS = [
    {},
    {"optimizer": "muon", "grad_clip": 0.3, "weight_decay": 0.1},
    {"tie_weights": True, "grad_clip": 0.3},
    {"n_layer": 0, "weight_decay": 0.1},
    {"ngrams": 3, "ngram_rows": 20, "optimizer": "muon", "weight_decay": 0.1},
]


def train_plainly(run, steps: int) -> tuple[nn.Module, list[float]]:
    """Train as the lecture does: gradients of their own, clipped one by one, an update for each parameter."""
    objective = run.objective(run, CPU)
    torch.manual_seed(run.recipe.seed)
    model = build_model(run.recipe.model)
    optimizers = OPTIMIZERS[run.recipe.optimizer].make(model, run.recipe)
    generator = torch.Generator().manual_seed(run.recipe.seed)
    norms = []
    for step in range(steps):
        model.zero_grad(set_to_none=True)
        objective.loss(model, *objective.draw(model, generator)).backward()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), run.recipe.grad_clip or torch.inf).item())
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr_at(step, run.recipe)
            optimizer.step()
    return model, norms


@pytest.mark.parametrize("changes", MODELS, ids=str)
def test_training_in_one_vector_gives_the_numbers_of_a_plain_loop(new_run, changes):
    run = new_run(**changes)
    trainer = Trainer(run, CPU)
    norms = [trainer.advance()["grad_norm"] for _ in range(5)]
    model, plain_norms = train_plainly(run, 5)
    assert norms == pytest.approx(plain_norms, rel=1e-4)
    for name, weights in model.state_dict().items():
        torch.testing.assert_close(trainer.model.state_dict()[name], weights, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("changes", MODELS, ids=str)
def test_every_parameter_is_a_view_of_one_vector(new_run, changes):
    trainer = Trainer(new_run(**changes), CPU)
    vector, parameters = trainer.vector, list(trainer.model.parameters())
    assert vector.numbers.numel() == vector.gradient.numel() == sum(parameter.numel() for parameter in parameters)
    for parameter in parameters:
        assert parameter.untyped_storage().data_ptr() == vector.numbers.untyped_storage().data_ptr()
        assert parameter.grad.untyped_storage().data_ptr() == vector.gradient.untyped_storage().data_ptr()
    trainer.advance()
    assert torch.equal(vector.gradient, torch.zeros_like(vector.gradient))


@pytest.mark.parametrize("changes", MODELS, ids=str)
def test_the_state_of_an_older_version_resumes(new_run, changes):
    """It had the optimizer's state for each parameter by itself."""
    run = new_run(**changes)
    trainer = Trainer(run, CPU)
    for _ in range(3):
        trainer.advance()
    trainer.save()
    write_parameter_by_parameter(run, trainer)
    again = Trainer(load_run(run.folder), CPU)
    assert [again.advance() for _ in range(3)] == [trainer.advance() for _ in range(3)]
    for name, weights in trainer.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], weights), name


def write_parameter_by_parameter(run, trainer: Trainer) -> None:
    """Write the state to resume from as older versions did."""
    with open_tensors(run.resume_path, "the state") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    model = trainer.model
    for i, own in enumerate(OPTIMIZERS[run.recipe.optimizer].make(model, run.recipe)):
        state = trainer.optimizers[i].state_dict()["state"]
        for name in [name for name in tensors if name.startswith(f"optimizer.{i}.")]:
            del tensors[name]
        parameters = [parameter for group in own.param_groups for parameter in group["params"]]
        for key in state[0]:
            values = torch.cat([state[index][key].flatten() for index in sorted(state)])
            parts = values.split([p.numel() for p in parameters]) if key != "step" else [values[0]] * len(parameters)
            for number, (part, parameter) in enumerate(zip(parts, parameters, strict=True)):
                tensors[f"optimizer.{i}.{number}.{key}"] = part if key == "step" else part.view_as(parameter)
    write_tensors(run.resume_path, tensors, metadata)


def test_plain_attributes_are_the_parts_that_torch_has():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    shorten_lookups(model)
    assert vars(model[0])["weight"] is model[0].weight is model.state_dict(keep_vars=True)["0.weight"]
    copy = deepcopy(model)
    assert copy[0].weight is next(copy.parameters()) is not model[0].weight
    model[0].weight = nn.Parameter(torch.zeros(3, 2))
    assert model[0].weight is next(model.parameters()) and not model[0].weight.any()
