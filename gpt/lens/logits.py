"""The logit lens: the next-token distribution that the model would give at each point of the residual stream.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.lens.residual import check_has_stream, run_on, stream_points
from gpt.lens.surprise import Progress
from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT

N_TOP = 12
AT_ONCE = 256  # positions; blocks of 64 left the heap in pieces: 2.7 GB instead of 1.5 at GPT-2's size


@dataclass(frozen=True)
class LogitLens:
    """The next-token distribution at P points and T positions; the last point is the model's own answer."""

    points: tuple[str, ...]  # "embedding", "0 mid", "0 post", …
    top_ids: Tensor  # (P, T, K), largest probability first
    top_probabilities: Tensor  # (P, T, K)
    entropy: Tensor  # (P, T), nats
    divergence: Tensor  # (P, T), nats: KL(the model's answer ‖ the answer here)
    rank: Tensor  # (P, T − 1), of the true next token: 1 is the likeliest; equals share the better rank


@torch.inference_mode()
def logit_lens(
    model: GPT | Bigram,
    ids: Tensor,
    n_top: int = N_TOP,
    positions: slice = slice(None),
    points: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> LogitLens:
    """Read every point of the stream as the model reads its last: by the final norm, the unembedding and the softcap.

    ids: (T,), T ≥ 1; K = min(n_top, vocab_size), n_top ≥ 1. positions: a slice with step 1 and at least one position;
    the result has only these, and T is their number. points: those that are read, in order (None: all). `AT_ONCE`
    distributions are in memory at a time, and as many final ones. progress is called after each point, for each
    `AT_ONCE` positions again; an exception that it raises cancels the work. Raises ValueError for a bigram, which has
    no stream, for a point that does not exist, and for other shapes.
    """
    if n_top < 1:
        raise ValueError(f"n_top={n_top} must be at least 1")
    model = check_has_stream(model)
    known = stream_points(model)
    points = list(known) if points is None else points
    unknown = [point for point in points if point not in known]
    if unknown:
        raise ValueError(f"the stream has no point {unknown[0]!r}; its points are {', '.join(known)}")
    answer = list(known.values())[-1]
    cache = run_on(model, ids, list(dict.fromkeys([*(known[point] for point in points), answer])))
    streams = [cache[known[point]][0] for point in points]  # P × (T, n_embd)
    first, last, _ = positions.indices(len(ids))
    parts = []
    for start in range(first, last, AT_ONCE):
        read = slice(start, min(start + AT_ONCE, last))
        final = _logits(model, cache[answer][0, read]).softmax(-1)
        rows: list[tuple[Tensor, ...]] = []
        for stream in streams:
            rows.append(_row(_logits(model, stream[read]), final, ids[start + 1 : read.stop + 1], n_top))
            if progress:
                progress(len(rows), len(streams))
        parts.append([torch.stack(column) for column in zip(*rows, strict=True)])
    return LogitLens(tuple(points), *(torch.cat(columns, dim=1) for columns in zip(*parts, strict=True)))


def _logits(model: GPT, stream: Tensor) -> Tensor:
    """(T, n_embd) → (T, vocab_size)."""
    return model.read_out(stream).float()


def _row(logits: Tensor, final: Tensor, following: Tensor, n_top: int) -> tuple[Tensor, ...]:
    """following: the tokens that come next; one fewer than the logits where nothing follows the last."""
    log_here = logits.log_softmax(-1)
    here = log_here.exp()
    top = here.topk(min(n_top, here.size(-1)), dim=-1)
    entropy = -(here * log_here).sum(-1)
    divergence = F.kl_div(log_here, final, reduction="none").sum(-1).clamp(min=0)
    known = logits[: len(following)]
    rank = (known > known.gather(1, following[:, None])).sum(-1) + 1
    return top.indices, top.values, entropy, divergence, rank
