"""The logit lens: what the model would say if it stopped at each point of the residual stream.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.lens.stats import run_on, stream_points
from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT

N_TOP = 12


@dataclass(frozen=True)
class LogitLens:
    """The next-token distribution read off at P points and T positions; the last point is the model's own answer."""

    points: tuple[str, ...]  # "embedding", "0 mid", "0 post", …
    top_ids: Tensor  # (P, T, K), largest probability first
    top_probabilities: Tensor  # (P, T, K)
    entropy: Tensor  # (P, T), nats
    divergence: Tensor  # (P, T), nats: KL(the model's answer ‖ the answer here)
    rank: Tensor  # (P, T − 1), of the token that really comes next: 1 is the likeliest; equals share the better rank


@torch.inference_mode()
def logit_lens(model: GPT | Bigram, ids: Tensor, n_top: int = N_TOP) -> LogitLens:
    """Read every point of the stream through the final layernorm and the unembedding.

    ids: (T,), T ≥ 1; K = min(n_top, vocab_size), n_top ≥ 1. One point's (T, vocab_size) distribution is held at a time, beside
    the final one. Raises ValueError on a bigram, which has no stream, and on other shapes.
    """
    if n_top < 1:
        raise ValueError(f"n_top={n_top} must be at least 1")
    points = stream_points(model)
    cache = run_on(model, ids, list(points.values()))
    *_, last = points.values()
    final = _logits(model, cache[last]).softmax(-1)
    rows = [_row(_logits(model, cache[name]), final, ids, n_top) for name in points.values()]
    return LogitLens(tuple(points), *(torch.stack(column) for column in zip(*rows, strict=True)))


def _logits(model: GPT, stream: Tensor) -> Tensor:
    """(1, T, n_embd) → (T, vocab_size)."""
    return model.unembed(model.ln_final(stream))[0].float()


def _row(logits: Tensor, final: Tensor, ids: Tensor, n_top: int) -> tuple[Tensor, ...]:
    here, log_here = logits.softmax(-1), logits.log_softmax(-1)
    top = here.topk(min(n_top, here.size(-1)), dim=-1)
    entropy = -(here * log_here).sum(-1)
    divergence = F.kl_div(log_here, final, reduction="none").sum(-1).clamp(min=0)
    of_next = logits[:-1].gather(1, ids[1:, None])  # (T − 1, 1)
    rank = (logits[:-1] > of_next).sum(-1) + 1
    return top.indices, top.values, entropy, divergence, rank
