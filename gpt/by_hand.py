"""The parts of the lecture's block by hand: token + position, the feedforward layer on a token, a vector by depth.

Each is small enough to follow by hand; `gpt.model` has the same computation in the form that is trained.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


def embedding_tables(vocab_size: int, block_size: int, n_embd: int, seed: int = 1337) -> tuple[Tensor, Tensor]:
    """Return the lecture's untrained tables: of tokens (vocab_size, n_embd), of positions (block_size, n_embd).

    The input of the first block is a row of the first plus a row of the second. Source: lecture 01:00:18.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = (vocab_size, block_size)
        tokens, positions = (nn.Embedding(size, n_embd).weight.detach() for size in sizes)
    return tokens, positions


@dataclass(frozen=True)
class FedForward:
    """A feedforward layer on T tokens, with both steps before its output. Source: lecture 01:24:25."""

    pre: Tensor  # (T, width), before the ReLU
    post: Tensor  # (T, width), 0 where pre is negative
    out: Tensor  # (T, C)


def feed_forward(x: Tensor, first: nn.Linear, second: nn.Linear) -> FedForward:
    """Compute linear → ReLU → linear on each token by itself. x: (T, C). Source: lecture 01:24:25."""
    pre = first(x)
    post = pre.relu()
    return FedForward(pre, post, second(post))


def random_feed_forward(n_embd: int, width: int, seed: int = 1337) -> tuple[nn.Linear, nn.Linear]:
    """Return the two untrained linear layers of a feedforward layer: n_embd → width → n_embd."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = nn.Linear(n_embd, width), nn.Linear(width, n_embd)
    for layer in layers:
        layer.requires_grad_(False)
    return layers


@dataclass(frozen=True)
class Depths:
    """A vector by depth, from the input, 0, to the output of the last of n blocks. All (n + 1,).

    Source: lecture 01:26:48.
    """

    sizes: Tensor  # norm, as a share of the input's
    cosines: Tensor  # with the input
    gradients: Tensor  # norm of the gradient that reaches this depth, as a share of the output's


def through_blocks(x: Tensor, blocks: Sequence[Callable[[Tensor], Tensor]], residual: bool, seed: int = 0) -> Depths:
    """Pass x (C,) through the blocks: each makes x + f(x) if residual, else f(x).

    The gradient is that of a random direction at the output, drawn with the seed. Source: lecture 01:26:48.
    """
    depths = [x.detach().clone().requires_grad_()]
    for f in blocks:
        depths.append(depths[-1] + f(depths[-1]) if residual else f(depths[-1]))
    direction = torch.randn(len(x), generator=torch.Generator().manual_seed(seed))
    gradients = torch.autograd.grad(depths[-1] @ direction.to(x.dtype), depths)
    states = torch.stack(depths).detach()
    return Depths(
        states.norm(dim=-1) / x.norm(),
        torch.cosine_similarity(states, x[None], dim=-1),
        torch.stack(gradients).norm(dim=-1) / direction.norm(),
    )
