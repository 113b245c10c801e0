"""What the rungs after the lecture gain over seeds, and which expert each character goes to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.model.gpt import GPT

CHUNKS = 64  # of a long text, read in one batch
# The 0.975 quantiles of Student's t with 1, 2, … degrees of freedom (Student 1908; any table of statistics).
T_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@dataclass(frozen=True)
class Gain:
    """By how much a loss fell, with its noise over n seeds, in the unit of the losses."""

    mean: float
    error: float  # standard error of the mean
    n: int

    @property
    def half_width(self) -> float:
        """Half the 95 % interval of the mean, by Student's t."""
        return T_QUANTILES[self.n - 2] * self.error

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean."""
        return self.mean - self.half_width, self.mean + self.half_width

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero. If not, the change gains nothing that these seeds can show."""
        low, high = self.interval
        return low > 0 or high < 0


def paired_gain(before: Sequence[float], after: Sequence[float]) -> Gain:
    """Return the gain from the losses of two recipes with the same seeds, in the same order. Above 0: `after` is lower.

    The difference is taken seed by seed: what a seed does to both recipes drops out. Raises ValueError for fewer than
    2 or more than 31 pairs, and for sequences of two lengths.

    >>> gain = paired_gain([2.0, 2.2], [1.9, 2.0])
    >>> round(gain.mean, 3), round(gain.error, 3), gain.is_clear
    (0.15, 0.05, False)
    """
    n = len(before)
    if n != len(after) or not 2 <= n <= len(T_QUANTILES) + 1:
        raise ValueError(
            f"{n} losses before and {len(after)} after do not make pairs; give 2 to {len(T_QUANTILES) + 1} of each, "
            "with the same seeds"
        )
    differences = [first - second for first, second in zip(before, after, strict=True)]
    mean = sum(differences) / n
    variance = sum((difference - mean) ** 2 for difference in differences) / (n - 1)
    return Gain(mean, math.sqrt(variance / n), n)


@torch.no_grad()
def chosen_experts(model: GPT, ids: Tensor) -> Tensor:
    """Return the experts of each token: (n_layer, T, experts_per_token), the first choice first. ids: (T,).

    A text longer than block_size is read in chunks of that length. Raises ValueError for a model without experts.
    """
    if model.config.experts < 2 or not model.config.mlp:
        raise ValueError(f"this model has experts={model.config.experts}; open one with experts=2 or more")
    whole = len(ids) // model.config.block_size * model.config.block_size
    chunks = [*ids[:whole].view(-1, model.config.block_size).split(CHUNKS), ids[None, whole:]]
    chosen: list[Tensor] = []
    for batch in chunks:
        if batch.numel():
            _, cache = model.run_with_cache(batch, "blocks.*.mlp.hook_expert_indices")
            chosen.append(torch.stack([experts.flatten(0, 1) for experts in cache.values()]))
    return torch.cat(chosen, dim=1)


def expert_shares(model: GPT, ids: Tensor) -> Tensor:
    """Return how the choices of each token id split among the experts: (n_layer, vocab_size, experts).

    The shares of an id sum to 1; those of an id that does not occur are NaN. ids: (T,). Raises ValueError for a model
    without experts.
    """
    chosen = chosen_experts(model, ids)  # (n_layer, T, experts_per_token)
    n_layer, vocab_size, experts = chosen.size(0), model.config.vocab_size, model.config.experts
    cells = ids[:, None] * experts + chosen  # of the table (vocab_size, experts)
    counts = torch.stack([layer.flatten().bincount(minlength=vocab_size * experts) for layer in cells])
    counts = counts.view(n_layer, vocab_size, experts)
    return counts / counts.sum(-1, keepdim=True)
