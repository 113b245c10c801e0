"""All parameters in a few vectors: to clip gradients, take a step and zero them is one operation for each vector.

A small GPT has some forty parameters, and an operation on so few numbers costs little more than its call.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Vectors:
    """The parameters of new optimizers, one vector for each group with its gradient.

    AdamW steps on the vectors, because it changes each number by itself. Muon still steps on the matrices.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self.optimizers = optimizers
        self.parameters: list[nn.Parameter] = []
        self.gradients: list[Tensor] = []
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                if not group["params"]:
                    continue
                vector, gradient = join(group["params"])
                self.parameters.append(vector)
                self.gradients.append(gradient)
                if isinstance(optimizer, torch.optim.AdamW):
                    group["params"] = [vector]

    @property
    def are_finite(self) -> bool:
        """Whether all parameters are finite."""
        return all(bool(vector.isfinite().all()) for vector in self.parameters)

    def clip_gradients(self, largest: float | None) -> Tensor:
        """Return the norm of all gradients, and scale them down to the largest norm; None: do not scale."""
        norm = nn.utils.get_total_norm(self.gradients)
        if largest is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, largest, norm)
        return norm

    def step(self, lr: float) -> None:
        """Take a step of every optimizer, then set all gradients to zero. A group may have a "scale" of its own for lr."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr * group.get("scale", 1.0)
            optimizer.step()
        for gradient in self.gradients:
            gradient.zero_()


def join(parameters: Sequence[nn.Parameter]) -> tuple[nn.Parameter, Tensor]:
    """Return the numbers of these parameters in one vector (N,), and the vector's gradient, zeros.

    Parameters and gradients become views of their part. So gradients must be set to zero in place, not to None.
    """
    vector = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
    vector.grad = gradient = torch.zeros_like(vector)
    sizes = [parameter.numel() for parameter in parameters]
    for parameter, numbers, its_gradient in zip(
        parameters, vector.detach().split(sizes), gradient.split(sizes), strict=True
    ):
        parameter.data, parameter.grad = numbers.view_as(parameter), its_gradient.view_as(parameter)
    return vector, gradient
