"""Training on Apple's GPU, which has no float64, without one.

Every tensor that a device path makes or moves is watched.

`Apple` answers for the device "mps". A tensor that was moved or made there is an `OnApple`, is computed on the CPU, and
raises what MPS raises where it would become float64, or meet a tensor that was left on the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from gpt import load_run
from gpt.train.loop import train

CPU, MPS = torch.device("cpu"), torch.device("mps")


class OnApple(torch.Tensor):
    """A tensor that counts as on the GPU."""


class Apple(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        leaves = tree_leaves((args, kwargs or {}))
        is_there = any(isinstance(leaf, OnApple) for leaf in leaves)
        if function == torch.Tensor.device.__get__:
            return MPS if is_there else CPU
        if function is torch._C._nn._parse_to:  # of Module.to, which then moves each parameter
            return function(*args, **kwargs or {})
        moved = [leaf for leaf in leaves if isinstance(leaf, torch.device)]
        args, kwargs = tree_map(lambda leaf: CPU if isinstance(leaf, torch.device) else leaf, (args, kwargs or {}))
        found = function(*args, **kwargs)
        is_there = moved[0] == MPS if moved else is_there and function != torch.Tensor.cpu
        return tree_map(lambda value: self._placed(value, is_there), found)

    def _placed(self, value, is_there):
        if not isinstance(value, torch.Tensor) or isinstance(value, OnApple) == is_there:
            wrong = isinstance(value, OnApple) and value.dtype == torch.float64
        else:
            value = value.as_subclass(OnApple if is_there else torch.Tensor)
            wrong = is_there and value.dtype == torch.float64
        if wrong:
            raise TypeError(
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64."
            )
        return value


@contextmanager
def apple(monkeypatch) -> Iterator[list[torch.Tensor]]:
    """Within this context "mps" is there; gives the random states that were set on it."""
    restored = []
    monkeypatch.setattr("torch.mps.get_rng_state", lambda: torch.arange(16, dtype=torch.uint8))
    monkeypatch.setattr("torch.mps.set_rng_state", restored.append)
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with Apple():
            yield restored
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)


def curve(run) -> list[dict]:
    return [
        {name: value for name, value in row.items() if name not in ("elapsed", "tokens_per_s")} for row in run.metrics()
    ]


def test_the_stand_in_refuses_what_the_gpu_refuses(monkeypatch):
    with apple(monkeypatch):
        there = torch.ones(3).to(MPS)
        assert there.device == (there + 1).device == torch.zeros(2, device=MPS).device == MPS
        assert there.cpu().device == there.to(CPU).device == torch.ones(1).device == CPU
        assert there.cpu().double().sum() == 3
        assert {parameter.device for parameter in torch.nn.Linear(2, 2).to(MPS).parameters()} == {MPS}
        for convert in (
            lambda: there.double(),
            lambda: there.softmax(0, dtype=torch.float64),
            lambda: there.to(torch.float64),
        ):
            with pytest.raises(TypeError, match="float64"):
                convert()


@pytest.mark.parametrize("objective", ["language", "finetune", "reward", "ppo", "dpo"])
def test_every_objective_trains_on_apples_gpu(stage, monkeypatch, objective):
    """From the first draw to the sample of the last snapshot, with a stop between; the curve is the CPU's."""
    monkeypatch.setattr("gpt.train.objectives.language.SAMPLE_TOKENS", 20)
    changes = {"steps": 3, **({"start": ""} if objective == "language" else {})}
    on_cpu, on_gpu = stage(objective, **changes), stage(objective, **changes)
    train(on_cpu, CPU)
    with apple(monkeypatch) as restored:
        train(on_gpu, MPS, lambda row: on_gpu.stop_request.touch() if row["step"] == 1 else None)
        assert on_gpu.status.state == "stopped" and restored == []
        train(load_run(on_gpu.folder), MPS)
        assert len(restored) == 1 and torch.equal(restored[0].cpu(), torch.arange(16, dtype=torch.uint8).cpu())
    assert on_gpu.status.state == "finished"
    for mine, theirs in zip(curve(on_gpu), curve(on_cpu), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)
    assert on_gpu.samples()[-1]["text"] == on_cpu.samples()[-1]["text"]
