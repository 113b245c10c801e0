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
            state: dict[int, dict[str, Tensor]] = {}
            for name in names:
                if name.startswith(f"optimizer.{i}."):
                    _, _, parameter, key = name.split(".")
                    state.setdefault(int(parameter), {})[key] = file.get_tensor(name)
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        trainer.batch = tuple(file.get_tensor(name) for name in sorted(names) if name.startswith("batch."))
        trainer.generator.set_state(file.get_tensor("rng.batches"))
        torch.set_rng_state(file.get_tensor("rng.torch"))
        own = f"rng.{trainer.device.type}"
        if own in names:
            torch.get_device_module(trainer.device).set_rng_state(file.get_tensor(own))
