"""Muon by hand: a real gradient, and the Newton-Schulz steps that make its singular values nearly equal.

Source: Jordan 2024, https://kellerjordan.github.io/posts/muon/.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gpt.model.gpt import GPT, loss_of
from gpt.train.optim import OPTIMIZERS, Muon, gram_polynomial, orthogonalize
from gpt.train.recipe import Recipe

BAND = (0.68, 1.21)  # a singular value in this band stays in it


@dataclass(frozen=True)
class Walk:
    """What the Newton-Schulz steps do to a gradient. Step 0 is the gradient divided by its norm.

    The directions are those of the gradient, the largest singular value first; a step keeps them.
    """

    values: Tensor  # (steps + 1, m): the singular value of each direction
    distances: Tensor  # (steps + 1,): ‖X Xᵀ − I‖
    misses: Tensor  # (steps + 1,): ‖X − U Vᵀ‖
    corners: Tensor  # (steps + 1, rows, columns): the first rows and columns of X
    exact: Tensor  # (rows, columns): those of U Vᵀ

    @property
    def inside(self) -> list[int]:
        """The number of singular values in `BAND` after each step."""
        low, high = BAND
        return ((low <= self.values) & (self.values <= high)).sum(1).tolist()

    def first_majority(self) -> int | None:
        """Return the first step with more than half of the values in `BAND`; None where there is none."""
        m = self.values.size(1)
        return next((step for step, count in enumerate(self.inside) if 2 * count > m), None)


def polynomial(values: Tensor) -> Tensor:
    """Return where one step moves singular values x: a x + b x³ + c x⁵, with the optimizer's own a, b and c.

    >>> polynomial(torch.tensor([0.0, 0.1, 1.0]))
    tensor([0.0000, 0.3397, 0.7010])
    """
    return gram_polynomial(values.square().reshape(-1, 1, 1)).view_as(values) * values


def newton_schulz(x: Tensor) -> Tensor:
    """Take one step. x: (m, n), m ≤ n. Each singular value moves as in `polynomial`, its two directions stay."""
    [factor] = gram_polynomial((x @ x.mT)[None])  # (m, m)
    return factor @ x


def walk(gradient: Tensor, steps: int, corner: int) -> Walk:
    """Take Newton-Schulz steps from a gradient (m, n), in float64. A tall gradient is transposed first.

    corner: the number of rows and columns that are kept of each matrix. Raises ValueError for a gradient of zeros.
    """
    x = (gradient.mT if gradient.size(0) > gradient.size(1) else gradient).double()
    if not x.any():
        raise ValueError("this gradient is 0 everywhere, so it has no direction; pick another matrix or other weights")
    x = x / x.norm()
    u, _, vh = torch.linalg.svd(x, full_matrices=False)
    exact, identity = u @ vh, torch.eye(len(x), dtype=x.dtype)
    matrices = [x]
    for _ in range(steps):
        matrices.append(newton_schulz(matrices[-1]))
    return Walk(
        values=torch.stack([(u.mT @ x @ vh.mT).diagonal() for x in matrices]),
        distances=torch.stack([(x @ x.mT - identity).norm() for x in matrices]),
        misses=torch.stack([(x - exact).norm() for x in matrices]),
        corners=torch.stack([x[:corner, :corner] for x in matrices]),
        exact=exact[:corner, :corner],
    )


def gradient(model: GPT, name: str, x: Tensor, y: Tensor) -> Tensor:
    """Return the gradient of the mean loss in one weight matrix. x, y: (B, T). The model stays as it is."""
    weight = model.get_parameter(name).detach().clone().requires_grad_()
    loss = loss_of(functional_call(model, {name: weight}, (x,)), y)
    return torch.autograd.grad(loss, weight)[0]


def agreements(ones: Sequence[Tensor], others: Sequence[Tensor]) -> tuple[list[float], list[float]]:
    """Return how well two means of the first 1, 2, 3, … gradients agree: their cosine, and that of their updates.

    ones, others: gradients (m, n) of different batches. An update is the mean, orthogonalized as Muon does.
    """
    one, other = (
        torch.stack(list(each)).cumsum(0) for each in (ones, others)
    )  # (N, m, n): N means, up to their length
    raw = nn.functional.cosine_similarity(one.flatten(1), other.flatten(1))
    updates = nn.functional.cosine_similarity(orthogonalize(one).flatten(1), orthogonalize(other).flatten(1))
    return raw.tolist(), updates.tolist()


def homes(model: nn.Module, recipe: Recipe) -> dict[str, str]:
    """Return who moves each parameter where the recipe names Muon: name → "Muon" or "AdamW"."""
    optimizers = OPTIMIZERS["muon"].make(model, recipe)
    labels = {
        id(parameter): "Muon" if isinstance(optimizer, Muon) else "AdamW"
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    return {name: labels[id(parameter)] for name, parameter in model.named_parameters()}
