"""Where a translating model looks while it writes: its patterns, and how much of them lies where the answer stands."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.model.seq2seq import Seq2Seq

KINDS = {"encoder": "encoder.{}.attn", "decoder": "decoder.{}.attn", "cross": "decoder.{}.cross_attn"}  # kind → a layer's attention


@dataclass(frozen=True)
class Translated:
    """One source, and what the model wrote: its attention and its certainty at every step."""

    patterns: dict[str, Tensor]  # kind in `KINDS` → (n_layer, n_head, queries, keys)
    probabilities: Tensor  # (T, vocab_size), of what comes after each token that the decoder read


@torch.inference_mode()
def watch(model: Seq2Seq, source: Tensor, target: Tensor) -> Translated:
    """Read the source (S,) ids and the target (T,) ids in one pass, and keep what every head did."""
    names = [name.format(layer) + ".hook_pattern" for name in KINDS.values() for layer in range(model.config.n_layer)]
    logits, cache = model.run_with_cache((source[None], target[None]), names)
    patterns = {
        kind: torch.cat([cache[name.format(layer) + ".hook_pattern"] for layer in range(model.config.n_layer)])
        for kind, name in KINDS.items()
    }
    return Translated(patterns, logits[0].softmax(-1))


def alignment(cross: Tensor, origins: Sequence[range]) -> Tensor:
    """How much of each head's cross-attention lies on the tokens that tell what it writes, more than evenly spread: (n_layer, n_head).

    cross: (n_layer, n_head, T, S); origins: for each of the first queries, the source tokens that tell what comes after it, which may
    be none. At most 1; 0 for attention that is spread evenly. Raises ValueError where no query has an origin, or one is not there.
    """
    T, S = cross.shape[2:]
    cells = torch.zeros(T, S)
    for query, keys in enumerate(origins):
        cells[query, list(keys)] = 1
    asked = cells.any(1)
    if not asked.any():
        raise ValueError("no query has an origin to read from; give at least one")
    return ((cross - 1 / S) * cells).sum(-1)[..., asked].mean(-1)
