"""Optimizers, and the learning rate over time.

A new optimizer is one function under `@register`. Recipes, the command line and the app list what is registered.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gpt.model.config import GPTConfig
from gpt.model.ngrams import TABLE

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
            parameters = group["params"]
            # rung 14: updates with singular values near 1
            updates = orthogonalize_all([self._average(parameter, parameter.grad) for parameter in parameters])
            for parameter, update in zip(parameters, updates, strict=True):  # rung 14: an update of its size
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * 0.2 * math.sqrt(max(parameter.shape)))

    def _average(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        """Move a matrix's momentum towards its gradient, and return the two mixed once more (Nesterov)."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(gradient, 1 - MUON_MOMENTUM)
        return gradient.lerp(momentum, MUON_MOMENTUM)


def orthogonalize_all(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Orthogonalize each matrix (m, n). Those of one shape, or its transpose, share one batched product."""
    wide = [matrix.mT if _is_tall(matrix) else matrix for matrix in matrices]
    places: dict[torch.Size, list[int]] = {}
    for place, matrix in enumerate(wide):
        places.setdefault(matrix.shape, []).append(place)
    results = list(wide)
    for same in places.values():
        for place, result in zip(same, orthogonalize(torch.stack([wide[place] for place in same])), strict=True):
            results[place] = result.mT if _is_tall(matrices[place]) else result
    return results


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """Bring all singular values of matrices (N, m, n) near 1 by Newton-Schulz iteration, without an SVD.

    A step multiplies X by a polynomial P of its Gram matrix G = X Xᵀ, so the next Gram matrix is P G P. The steps
    multiply these small square matrices, and X comes last: the same result with a third fewer operations.
    Coefficients: Jordan 2024; they trade exactness (values end within about 0.7 to 1.2) for speed.
    """
    x = matrices.mT if _is_tall(matrices) else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)  # rung 14: no singular value above 1
    gram = x @ x.mT  # (N, m, m)
    product = polynomial = gram_polynomial(gram)
    for _ in range(steps - 1):  # rung 14: Newton-Schulz iteration
        gram = polynomial @ gram @ polynomial
        polynomial = gram_polynomial(gram)
        product = polynomial @ product
    x = product @ x
    return x.mT if _is_tall(matrices) else x


def gram_polynomial(gram: Tensor) -> Tensor:
    """Return a + b G + c G² of Gram matrices (N, m, m)."""
    # rung 14: its coefficients
    a, b, c = 3.4445, -4.7750, 2.0315
    polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
    polynomial.diagonal(dim1=-2, dim2=-1).add_(a)
    return polynomial


def _is_tall(matrices: Tensor) -> bool:
    return matrices.size(-2) > matrices.size(-1)


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
    return [_adamw(dict(model.named_parameters()), recipe)]


def _muon_flops(config: GPTConfig) -> int:
    """Count the FLOPs of `orthogonalize` for each matrix of the blocks: its Gram matrix, 17 square products, and X."""
    C, queries = config.n_embd, config.n_head * config.d_head
    matrices = [(queries + 2 * config.n_kv_head * config.d_head, C), *([(C, queries)] if config.projection else [])]
    if config.mlp:
        matrices += config.experts * (1 + config.gated + config.projection) * [(config.mlp_width, C)]
        matrices += [(config.experts, C)] if config.experts > 1 else []
    sides = [(max(shape), min(shape)) for shape in matrices]
    return config.n_layer * sum(4 * longer * shorter**2 + 17 * 2 * shorter**3 for longer, shorter in sides)


@register("muon", "Muon", "orthogonal updates for the matrices of the blocks, AdamW for the rest", _muon_flops)
def make_muon(model: nn.Module, recipe: "Recipe") -> list[torch.optim.Optimizer]:
    """Create Muon for the blocks' matrices, and AdamW for the rest, whose learning rate is multiplied by `embed_lr`.

    Embeddings are no matrices in Muon's sense: their rows are looked up, not multiplied.
    """
    matrices = block_matrices(model)
    rest = _adamw({name: p for name, p in model.named_parameters() if name not in matrices}, recipe)
    for group in rest.param_groups:
        group["scale"] = 1.0 if group["betas"][0] == 0 else recipe.embed_lr
    optimizers: list[torch.optim.Optimizer] = [rest]
    if matrices:
        optimizers.append(Muon(matrices.values(), lr=recipe.lr, weight_decay=recipe.weight_decay))
    return optimizers


def block_matrices(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weight matrices of the blocks, by name: those that Muon moves."""
    blocks = ("blocks.", "encoder.", "decoder.")
    return {name: p for name, p in model.named_parameters() if name.startswith(blocks) and p.dim() == 2}


def _adamw(named: dict[str, nn.Parameter], recipe: "Recipe") -> torch.optim.Optimizer:
    """Create AdamW; only matrices decay.

    A table of n-grams has no momentum, so a row changes only in a step whose batch has one of its n-grams.
    """
    tables = [named.pop(TABLE)] if TABLE in named else []
    parameters = named.values()
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        {"params": tables, "weight_decay": 0.0, "betas": (0.0, recipe.beta2)},
    ]
    groups = [group for group in groups if group["params"]]
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
