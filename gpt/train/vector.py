"""All parameters in one vector: to clip the gradient and to set it to zero is one operation, a step of AdamW a few.

A small GPT has some forty parameters, and an operation on so few numbers costs little more than its call.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ParameterVector:
    """The parameters of new optimizers in one vector (N,), and its gradient.

    Parameters and their gradients become views of their part. So the gradient must be set to zero in place, not to
    None. AdamW steps on one part for each of its groups, because it changes each number by itself. Muon still steps on
    the matrices.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self.optimizers = optimizers
        groups = [(group, optimizer) for optimizer in optimizers for group in optimizer.param_groups if group["params"]]
        parameters: list[nn.Parameter] = [parameter for group, _ in groups for parameter in group["params"]]
        self.numbers = torch.cat([parameter.detach().flatten() for parameter in parameters])
        self.gradient = torch.zeros_like(self.numbers)
        self._share([parameter.numel() for parameter in parameters], parameters)
        sizes = [sum(parameter.numel() for parameter in group["params"]) for group, _ in groups]
        parts = [nn.Parameter(numbers) for numbers in self.numbers.split(sizes)]
        self._share(sizes, parts)
        for (group, optimizer), part in zip(groups, parts, strict=True):
            if isinstance(optimizer, torch.optim.AdamW):
                group["params"] = [part]

    def _share(self, sizes: list[int], parameters: Sequence[nn.Parameter]) -> None:
        """Make these parameters views of the vector, one after the other."""
        parts = zip(self.numbers.split(sizes), self.gradient.split(sizes), strict=True)
        for parameter, (numbers, gradient) in zip(parameters, parts, strict=True):
            parameter.data, parameter.grad = numbers.view_as(parameter), gradient.view_as(parameter)

    def clip_gradient(self, largest: float | None) -> Tensor:
        """Return the norm of the gradient, and scale it down to the largest norm; None: do not scale."""
        norm = torch.linalg.vector_norm(self.gradient)
        if largest is not None:
            self.gradient.mul_((largest / (norm + 1e-6)).clamp(max=1))  # as torch's `clip_grad_norm_`
        return norm

    def step(self, lr: float) -> None:
        """Take a step of every optimizer, then set the gradient to zero. A group may have its own "scale" of lr."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr * group.get("scale", 1.0)
            optimizer.step()
        self.gradient.zero_()


def shorten_lookups(model: nn.Module) -> None:
    """Make the modules and weights inside a model plain attributes, which Python finds in a tenth of the time.

    torch is asked only where Python found nothing: 1 µs each. For a part that is set later, torch removes the plain
    attribute.
    """
    for module in model.modules():
        for parts in ("_modules", "_parameters"):
            vars(module).update(vars(module)[parts])
