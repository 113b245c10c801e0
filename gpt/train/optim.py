"""AdamW, Muon, and the learning rate over time."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gpt.train.recipe import Recipe

MUON_MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix updates are made orthogonal, in the parameters' own precision.

    Source: Jordan 2024, https://kellerjordan.github.io/posts/muon/; update size matched to Adam's as in Liu et al. 2025,
    arXiv:2502.16982, so that one learning rate serves both. `torch.optim.Muon` computes in bfloat16.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
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


def make_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """AdamW for all parameters; or, for "muon", Muon for the blocks' matrices and AdamW for the rest.

    Only matrices decay. Embeddings are no matrices in Muon's sense: their rows are looked up, not multiplied.
    """
    blocks = ("blocks.", "encoder.", "decoder.")
    is_muons = {
        name: recipe.optimizer == "muon" and name.startswith(blocks) and parameter.dim() == 2
        for name, parameter in model.named_parameters()
    }
    adams = [parameter for name, parameter in model.named_parameters() if not is_muons[name]]
    groups = [
        {"params": [p for p in adams if p.dim() >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in adams if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, recipe.beta2), fused=True)
    ]
    muons = [parameter for name, parameter in model.named_parameters() if is_muons[name]]
    if muons:
        optimizers.append(Muon(muons, lr=recipe.lr, weight_decay=recipe.weight_decay))
    return optimizers


def lr_at(step: int, recipe: Recipe) -> float:
    """Learning rate of a step: linear warm-up, then constant, or cosine or linear decay to final_lr · lr at the last step."""
    if step < recipe.warmup:
        return recipe.lr * (step + 1) / (recipe.warmup + 1)
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    if recipe.schedule == "constant":
        return recipe.lr
    share = (1 + math.cos(math.pi * done)) / 2 if recipe.schedule == "cosine" else 1 - done
    return recipe.lr * (recipe.final_lr + (1 - recipe.final_lr) * share)
