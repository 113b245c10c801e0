"""Objectives: what a run can learn. Each is a class in a file of its own; a new one is added to `OBJECTIVES`."""

from typing import Any

from gpt.train.objectives.dpo import DPO
from gpt.train.objectives.finetune import Finetune
from gpt.train.objectives.grpo import GRPO
from gpt.train.objectives.language import Language
from gpt.train.objectives.objective import OPTIMIZATION, Metric, Objective
from gpt.train.objectives.ppo import PPO
from gpt.train.objectives.reward import Reward
from gpt.train.objectives.translation import Translation

OBJECTIVES: dict[str, type[Objective[Any]]] = {
    objective.name: objective for objective in (Language, Translation, Finetune, Reward, PPO, DPO, GRPO)
}

__all__ = ["OBJECTIVES", "OPTIMIZATION", "Language", "Metric", "Objective"]
