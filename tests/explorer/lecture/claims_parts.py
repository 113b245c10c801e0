"""What the numbers are recomputed from: the parts of a block by hand."""

from collections.abc import Iterator

import torch
from torch import nn

from explorer.lecture.block import depth, one_token
from explorer.lecture.multihead.concatenated import example
from tests.explorer.lecture.claims import ROUNDING, Claim, claim
from tests.explorer.lecture.claims_first import TOKENIZER


def added(letter: str, places: tuple[int, int]) -> Iterator[Claim]:
    """Token plus position, at two positions."""
    torch.manual_seed(1337)
    tokens, positions = nn.Embedding(65, 32).weight, nn.Embedding(8, 32).weight
    token = tokens[TOKENIZER.encode(letter)[0]]
    for place in places:
        total = token + positions[place]
        yield claim(
            f"Feature {{}} at position {place}: {{*}}{{}}{{*}} + {{*}}{{}}{{*}} ≈ {{*}}{{}}", 0, token[0],
            positions[place, 0], total[0],
        )  # fmt: skip
    yield claim("{} of {} features differ", 32, 32)
    yield claim("{} × {} and {} × {}. In a batch of {} rows, all rows add the same {} positions", 65, 32, 8, 32, 4, 8)
    yield claim("The first {} features", 8)
    yield claim("All {} features", 32)


def one(token: int) -> Iterator[Claim]:
    """ReLU on one token of the first input."""
    torch.manual_seed(1337)
    up = nn.Linear(4, 16)
    zeros = int((up(one_token.tokens()[token]) < 0).sum())
    yield claim(
        f"Token {token}: {{}} of {{}} hidden features are negative, so ReLU makes them {{}}. The second layer reads "
        "the other {}. Computed without the other tokens, its output differs by at most {}:",
        zeros, 16, 0, 16 - zeros, ROUNDING,
    )  # fmt: skip
    yield claim(f"Token {token}: {{}} hidden features before", 16)
    yield claim("the features that ReLU makes {}.", 0)


def slices(head: int) -> Iterator[Claim]:
    """Four heads of eight features."""
    attention, _ = example()
    assert attention.n_head * attention.d_head == 32
    yield claim(
        f"Head {head} writes features {{}} to {{}}, whatever the other heads do. With its slice at {{}}, {{}} of {{}} "
        "features change before the projection, and {} of {} after it",
        8 * head, 8 * head + 7, 0, 8, 32, 32, 32,
    )  # fmt: skip
    yield claim("Before the projection: {} × {} = {} features", 4, 8, 32)
    yield claim("Concatenation: {} heads side by side", 4)
    yield claim("find its {} features among the {}. Then set them to {}", 8, 32, 0)
    yield claim("Set its slice to {}", 0)


def by_depth(blocks: int) -> Iterator[Claim]:
    """One vector through many blocks, again without `through_blocks`."""
    for label, residual in ((depth.WITH, 1), (depth.WITHOUT, 0)):
        x = torch.randn(32, generator=torch.Generator().manual_seed(1337)).requires_grad_()
        out = x
        for block in range(blocks):
            torch.manual_seed(1337 + block)
            first, second = nn.Linear(32, 128), nn.Linear(128, 32)
            out = residual * out + second(first(out).relu())
        direction = torch.randn(32, generator=torch.Generator().manual_seed(0))
        (gradient,) = torch.autograd.grad(out @ direction, x)
        yield claim(
            f"{label}: {{}} × the input's size, cosine {{}}; {{}} × the output's gradient reaches the input",
            out.norm() / x.norm(), torch.cosine_similarity(out, x, dim=0), gradient.norm() / direction.norm(),
        )  # fmt: skip
    yield claim("After block {}.", blocks)
    yield claim("feedforward layer of {} features", 32)
