"""What a run learns from: the batches it draws, their loss, how it is measured, and what it writes at a snapshot."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gpt.train.objectives.dpo import DPO
from gpt.train.objectives.finetune import Finetune
from gpt.train.objectives.language import Language
from gpt.train.objectives.ppo import PPO
from gpt.train.objectives.reward import Reward
from gpt.train.objectives.translation import Translation
from gpt.train.run import Run


class Objective(Protocol):
    """One per run in training. Models arrive in training mode and leave in it."""

    def __init__(self, run: Run, device: torch.device) -> None:
        """Raises ValueError where the run's text cannot be trained on and measured with."""

    def draw(self, model: nn.Module, generator: torch.Generator) -> tuple[Tensor, ...]:
        """The next batch, the same in every process: tensors whose first axis are its examples, on the CPU."""

    def loss(self, model: nn.Module, *batch: Tensor) -> Tensor:
        """Mean loss of these examples. batch: as `draw` gives it, or some of its examples, on the model's device."""

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """What is logged of the model's quality, each a number; `val_loss` where there is a loss to compare runs by."""

    def sample(self, model: nn.Module) -> dict[str, Any]:
        """What it writes now: `prompt`, `seed` and `text`, the same draw each time. Raises ValueError where it gives no numbers."""


OBJECTIVES: dict[str, type[Objective]] = {
    "language": Language, "translation": Translation, "finetune": Finetune, "reward": Reward, "ppo": PPO, "dpo": DPO,
}  # fmt: skip
