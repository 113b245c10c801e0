"""New tokens one at a time, each with the distribution that it is sampled from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.opened import Opened
from explorer.shared.patterns import N_TOP


@dataclass(frozen=True)
class Sampling:
    """How to sample the next tokens, as `gpt.generate` takes it; top_k=None and top_p=None leave all tokens in."""

    max_new_tokens: int = 100
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 1337


@dataclass(frozen=True)
class Drawn:
    """One sampled token, and the likeliest tokens of the distribution that it was sampled from, itself included."""

    id: int
    token: str
    probability: float
    entropy: float  # nats
    tokens: tuple[str, ...]
    probabilities: np.ndarray  # (len(tokens),)


def continuation(opened: Opened, ids: tuple[int, ...], sampling: Sampling) -> Iterator[Drawn]:
    """Continue the tokens one at a time; the same model, ids and sampling give the same tokens again.

    Raises ValueError on empty ids or a setting out of range, and if the model cannot be opened.
    """
    import torch

    from gpt import generate

    tokenizer = opened.tokenizer
    for drawn in generate(opened.model, torch.tensor(ids), **vars(sampling), n_top=N_TOP):
        top = dict(drawn.top) | {drawn.token: drawn.probability}
        yield Drawn(
            id=drawn.token,
            token=tokenizer.tokens([drawn.token])[0],
            probability=drawn.probability,
            entropy=drawn.entropy,
            tokens=tuple(tokenizer.tokens(top)),
            probabilities=np.array(list(top.values())),
        )
