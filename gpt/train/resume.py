"""Save and load the state that a run resumes from: weights, optimizers, RNG states, step and time."""

import time
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gpt.train.files import RunError, open_tensors, write_tensors

if TYPE_CHECKING:
    from gpt.train.loop import Trainer


def save_state(trainer: "Trainer") -> None:
    """Write the trainer's state between two steps, in place of the older one."""
    run, tensors = trainer.run, {f"model.{name}": tensor for name, tensor in trainer.model.state_dict().items()}
    for i, optimizer in enumerate(trainer.optimizers):
        for parameter, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{parameter}.{key}": value for key, value in state.items()}
    if (trainer.step - run.began_at) % trainer.recipe.updates:  # the next step uses this batch again
        tensors |= {f"batch.{i}": tensor for i, tensor in enumerate(trainer.batch)}
    tensors |= {"rng.batches": trainer.generator.get_state(), "rng.torch": torch.get_rng_state()}
    if trainer.device.type != "cpu":
        tensors[f"rng.{trainer.device.type}"] = torch.get_device_module(trainer.device).get_rng_state()
    run.resume_path.parent.mkdir(exist_ok=True)
    elapsed = time.perf_counter() - trainer.started
    write_tensors(run.resume_path, tensors, {"step": str(trainer.step), "elapsed": str(elapsed)})


def load_state(trainer: "Trainer") -> None:
    """Set the trainer to the run's saved state. Raises RunError where the file is damaged."""
    run = trainer.run
    trainer.model.load_state_dict(run.new_model("its state to resume from", run.resume_path, "model.").state_dict())
    try:
        _load_rest(trainer)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(
            f"run {run.name!r}: its state to resume from is damaged ({error}); train it again in another folder"
        ) from error


def _load_rest(trainer: "Trainer") -> None:
    with open_tensors(trainer.run.resume_path, f"the state to resume from of run {trainer.run.name!r}") as file:
        trainer.step, trainer.elapsed = int(file.metadata()["step"]), float(file.metadata()["elapsed"])
        names = list(file.keys())
        for i, optimizer in enumerate(trainer.optimizers):
            saved: dict[int, dict[str, Tensor]] = {}
            for name in names:
                if name.startswith(f"optimizer.{i}."):
                    _, _, parameter, key = name.split(".")
                    saved.setdefault(int(parameter), {})[key] = file.get_tensor(name)
            _load_optimizer(optimizer, [saved[parameter] for parameter in sorted(saved)])
        trainer.batch = tuple(file.get_tensor(name) for name in sorted(names) if name.startswith("batch."))
        trainer.generator.set_state(file.get_tensor("rng.batches"))
        torch.set_rng_state(file.get_tensor("rng.torch"))
        own = f"rng.{trainer.device.type}"
        if own in names:
            torch.get_device_module(trainer.device).set_rng_state(file.get_tensor(own))


def _load_optimizer(optimizer: torch.optim.Optimizer, saved: list[dict[str, Tensor]]) -> None:
    """Give an optimizer its state. saved: the state of each parameter, in order.

    A file of an older version has the state of each parameter of the model. Those of one vector follow each other.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {i: {} for i in range(len(parameters) if saved else 0)}
    for key in saved[0] if saved else ():
        values = [each[key] for each in saved]
        if values[0].dim() == 0:  # the number of steps
            parts = [values[0].clone() for _ in parameters]
        else:
            joined = torch.cat([value.flatten() for value in values])
            parts = joined.split([parameter.numel() for parameter in parameters])
        for i, (part, parameter) in enumerate(zip(parts, parameters, strict=True)):
            state[i][key] = part.view_as(parameter) if part.dim() else part
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
