"""Optimizers, and the learning rate over time.

A new optimizer is one function under `@register`. Recipes, the command line and the app list what is registered.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gpt.model.config import GPTConfig

if TYPE_CHECKING:
    from gpt.train.recipe import Recipe

Maker = Callable[[nn.Module, "Recipe"], list[torch.optim.Optimizer]]
MUON_MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix updates are made orthogonal, in the parameters' own precision.

    Source: Jordan 2024, https://kellerjordan.github.io/posts/muon/; update size matched to Adam's as in Liu et al.
    2025, arXiv:2502.16982, so that one learning rate serves both. `torch.optim.Muon` computes in bfloat16.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:  # torch passes None, and so does `Trainer`
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"].lerp_(parameter.grad, 1 - MUON_MOMENTUM)
                update = orthogonalize(parameter.grad.lerp(momentum, MUON_MOMENTUM))  # Nesterov
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(parameter.shape)))


def orthogonalize(matrix: Tensor, steps: int = 5) -> Tensor:
    """Bring all singular values of a matrix (m, n) near 1 by Newton-Schulz iteration, without an SVD.

    Coefficients: Jordan 2024; they trade exactness (values end within about 0.7 to 1.2) for speed.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.T if matrix.size(0) > matrix.size(1) else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.size(0) > matrix.size(1) else x


@dataclass(frozen=True)
class OptimizerKind:
    """An optimizer that a recipe can name: what people read about it, and how it is made."""

    label: str
    about: str  # one line
    make: Maker
    flops: Callable[[GPTConfig], int]  # of one step, beyond AdamW's


OPTIMIZERS: dict[str, OptimizerKind] = {}  # by the name in `Recipe.optimizer`


def register(
    name: str, label: str, about: str, flops: Callable[[GPTConfig], int] = lambda config: 0
) -> Callable[[Maker], Maker]:
    """Add the function below to `OPTIMIZERS`: it makes the optimizers of a model, which share one learning rate."""

    def add(make: Maker) -> Maker:
        OPTIMIZERS[name] = OptimizerKind(label, about, make, flops)
        return make

    return add


@register("adamw", "AdamW", "Adam with weight decay on matrices")
def make_adamw(model: nn.Module, recipe: "Recipe") -> list[torch.optim.Optimizer]:
    """Create AdamW for all parameters."""
    return [_adamw(model.parameters(), recipe)]


def _muon_flops(config: GPTConfig) -> int:
    """Count the FLOPs of five iterations of three matrix products for each matrix of the blocks."""
    C, queries = config.n_embd, config.n_head * config.d_head
    matrices = [(queries + 2 * config.n_kv_head * config.d_head, C), *([(C, queries)] if config.projection else [])]
    if config.mlp:
        matrices += (1 + config.gated + config.projection) * [(config.mlp_width, C)]
    sides = [(max(shape), min(shape)) for shape in matrices]
    return config.n_layer * sum(5 * (4 * longer * shorter**2 + 2 * shorter**3) for longer, shorter in sides)


@register("muon", "Muon", "orthogonal updates for the matrices of the blocks, AdamW for the rest", _muon_flops)
def make_muon(model: nn.Module, recipe: "Recipe") -> list[torch.optim.Optimizer]:
    """Create Muon for the blocks' matrices, and AdamW for the rest.

    Embeddings are no matrices in Muon's sense: their rows are looked up, not multiplied.
    """
    named = list(model.named_parameters())
    matrices = [p for name, p in named if name.startswith(("blocks.", "encoder.", "decoder.")) and p.dim() == 2]
    chosen = {id(p) for p in matrices}
    optimizers: list[torch.optim.Optimizer] = [_adamw((p for _, p in named if id(p) not in chosen), recipe)]
    if matrices:
        optimizers.append(Muon(matrices, lr=recipe.lr, weight_decay=recipe.weight_decay))
    return optimizers


def _adamw(parameters: Iterable[Tensor], recipe: "Recipe") -> torch.optim.Optimizer:
    """Create AdamW; only matrices decay."""
    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, recipe.beta2), fused=True)


def lr_at(step: int, recipe: "Recipe") -> float:
    """Return the learning rate of a step.

    Linear warm-up, then constant, or cosine or linear decay to final_lr · lr at the last step.
    """
    if step < recipe.warmup:
        return recipe.lr * (step + 1) / (recipe.warmup + 1)
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    if recipe.schedule == "constant":
        return recipe.lr
    share = (1 + math.cos(math.pi * done)) / 2 if recipe.schedule == "cosine" else 1 - done
    return recipe.lr * (recipe.final_lr + (1 - recipe.final_lr) * share)
