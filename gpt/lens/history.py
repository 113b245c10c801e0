"""A run over its snapshots: one snapshot's patterns on a prompt, and the steps between which a score rises.

Source: Olsson et al. 2022, arXiv:2209.11895, on the phase change in which induction heads form.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT

EDGE = 0.1  # share of a rise left out at either end: the interval is the 10–90 % rise time
SMALLEST_RISE = 0.1  # of a score; a smaller change is not called a rise


class Frame(NamedTuple):
    """One snapshot on a prompt."""

    patterns: Tensor  # (n_layer, n_head, T, T); (0, 0, T, T) for a model without heads
    probabilities: Tensor  # (vocab_size,) of the token after the prompt


class Rise(NamedTuple):
    """One head's largest rise over a run, and the snapshots between which most of it happens."""

    layer: int
    head: int
    start: int  # step of the last snapshot with at most `EDGE` of the rise
    end: int  # step of the first snapshot after it with all but `EDGE`
    low: float  # the score at `start`
    high: float  # the score at `end`


@torch.inference_mode()
def frame(model: GPT | Bigram, ids: Tensor) -> Frame:
    """Return every head's pattern on the prompt ids (T,), and the distribution of the next token."""
    layers = range(model.config.n_layer)
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in layers]
    logits, cache = model.run_with_cache(ids.unsqueeze(0), names)
    patterns = [cache[name][0] for name in names]  # each (n_head, T, T)
    empty = torch.zeros(0, 0, len(ids), len(ids))
    return Frame(torch.stack(patterns) if patterns else empty, logits[0, -1].softmax(-1))


def largest_rise(steps: Sequence[int], scores: Tensor) -> Rise | None:
    """Return the head whose score rises most from one snapshot to a later one, and when.

    None if no score rises by `SMALLEST_RISE`. steps: S steps, ascending; scores: (S, n_layer, n_head), a head with a
    NaN is left out. Raises ValueError for other shapes.
    """
    if scores.dim() != 3 or len(scores) != len(steps):
        raise ValueError(f"scores {tuple(scores.shape)} must be (S, n_layer, n_head) for S = {len(steps)} steps")
    if scores.numel() == 0:
        return None
    gains = (scores - scores.cummin(0).values).nan_to_num(-1)  # above the lowest score so far
    gains[:, scores.isnan().any(0)] = -1
    top = int(gains.argmax())
    peak, layer, head = (int(index) for index in torch.unravel_index(torch.tensor(top), gains.shape))
    curve = scores[: peak + 1, layer, head]
    gain = float(gains[peak, layer, head])
    if gain < SMALLEST_RISE:
        return None
    lowest = int(curve.argmin())
    share = (curve - curve[lowest]) / gain
    start = max(i for i in range(lowest, peak + 1) if share[i] <= EDGE)
    end = min(i for i in range(start, peak + 1) if share[i] >= 1 - EDGE)
    return Rise(layer, head, steps[start], steps[end], float(curve[start]), float(curve[end]))
