"""Attention sinks: heads that find nothing to read put their weight on the first token.

Source: Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks", arXiv:2309.17453.
"""

import torch
from torch import Tensor

from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT

SINK = 0.3  # a model has a sink if its mean weight on the first token, over all heads, is larger
REST = 0.8  # a head only reads the first token if its mean weight there is larger


def first_token_weight(patterns: Tensor) -> Tensor:
    """Return each head's mean weight on the first key, over all queries but the first: (…, T, S) → (…).

    A causal pattern's first query can read only the first key. NaN for patterns of one query.
    """
    return patterns[..., 1:, 0].mean(-1)


def without_first_token(patterns: Tensor) -> Tensor:
    """Return patterns without their first key, with each row renormalised: (…, T, S), as before.

    The first key has the weight 0, and the others of a row sum to 1. A row without any other weight is NaN: the first
    query of a causal pattern has no keys left.
    """
    rest = patterns.clone()
    rest[..., 0] = 0
    return rest / rest.sum(-1, keepdim=True)


@torch.inference_mode()
def sink_weight(model: GPT | Bigram, ids: Tensor) -> float:
    """Return the mean weight on the first token over all heads, on ids (T,). NaN without heads, and for one token."""
    means: list[Tensor] = []
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in range(model.config.n_layer)]
    model.run_with_hooks(ids[None], dict.fromkeys(names, lambda pattern, _: means.append(first_token_weight(pattern))))
    return float(torch.cat(means).mean()) if means else float("nan")
