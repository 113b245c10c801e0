"""A model in training: the gradient of each block, the statistics of attention's scores, and the loss in training mode.

Models are shared, so everything is done on a copy.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.model.gpt import GPT, loss_of


def gradient_norms(model: GPT, tokens: Tensor) -> Tensor:
    """Return the norm of the loss's gradient over the weights of each block, (n_layer,).

    tokens: (B, T + 1) ids; the last T are the targets. Source: lecture 01:26:48.
    """
    learner = _with_gradients(model, tokens)
    return torch.stack(
        [torch.stack([_gradient(p).norm() for p in block.parameters()]).norm() for block in learner.blocks]
    )


@dataclass(frozen=True)
class AttentionStatistics:
    """Statistics of one layer's attention on a batch. Source: lecture 01:16:56."""

    variance: float  # of the scores, without those behind the mask
    # mean entropy of a row, as a share of the entropy of uniform attention: 1 is uniform, 0 is one key only; NaN where
    # a window of one token leaves no choice
    entropy: float
    q_gradient: float  # norm of the loss's gradient in the query matrix
    k_gradient: float  # … and in the key matrix


def attention_statistics(model: GPT, tokens: Tensor, layer: int = 0) -> AttentionStatistics:
    """Measure scores, pattern and gradients of one layer of a causal model.

    tokens: (B, T + 1) ids, T ≥ 2; the last T are the targets. Source: lecture 01:16:56.
    """
    names = [f"blocks.{layer}.attn.hook_{name}" for name in ("attn_scores", "pattern")]
    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens[:, :-1], names)
        scores, pattern = (cache[name] for name in names)  # (B, n_head, T, T)
        T = scores.size(-1)
        seen = torch.arange(1, T + 1).clamp(max=model.config.window or T)  # keys of each row
        choice = seen > 1  # a row with one key has none
        shares = torch.special.entr(pattern).sum(-1)[..., choice] / seen[choice].log()
    attention = _with_gradients(model, tokens).blocks[layer].attn
    of_q, of_kv = _gradient(attention.qkv.weight).split(attention.sizes)
    of_q, of_k = of_q.norm().item(), of_kv.chunk(2)[0].norm().item()
    return AttentionStatistics(scores[scores.isfinite()].var().item(), shares.mean().item(), of_q, of_k)


@torch.no_grad()
def training_mode_loss(model: GPT, tokens: Tensor, rows: int) -> float:
    """Return the mean loss of a copy in training mode that reads `rows` rows of tokens (B, T + 1) at a time.

    With batchnorm it depends on `rows`; without batchnorm and dropout it is the loss in eval mode. Source: lecture
    01:32:51.
    """
    learner = copy.deepcopy(model).train()
    parts = tokens.split(rows)
    return sum(loss_of(learner(part[:, :-1]), part[:, 1:]).item() * len(part) for part in parts) / len(tokens)


def _gradient(parameter: Tensor) -> Tensor:
    """Return the gradient of a parameter, zeros if the loss does not depend on it."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _with_gradients(model: GPT, tokens: Tensor) -> GPT:
    """Return a copy in training mode after one backward pass."""
    learner = copy.deepcopy(model).train().requires_grad_(True)
    with torch.enable_grad():
        loss_of(learner(tokens[:, :-1]), tokens[:, 1:]).backward()
    return learner
