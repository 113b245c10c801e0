"""The lecture's small examples: averaging the past in three ways, one head by hand, and properties of attention.

Each is small enough to follow by hand; `gpt.model` has the same computation in the form that is trained.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gpt.model.attention import Attention
from gpt.model.bigram import Bigram
from gpt.model.build import without_memory
from gpt.model.gpt import GPT
from gpt.model.norms import RMSNorm


def examples(chunk: Sequence[int]) -> list[tuple[list[int], int]]:
    """Return the T examples in a chunk of T + 1 tokens: a context, and the token after it. Source: lecture 00:14:27.

    >>> examples([18, 47, 56])
    [([18], 47), ([18, 47], 56)]
    """
    return [(list(chunk[: t + 1]), chunk[t + 1]) for t in range(len(chunk) - 1)]


def averaging_steps(x: Tensor) -> Iterator[tuple[int, int, Tensor]]:
    """Yield version 1's two loops, one step at a time: (b, t, the mean (C,) of x[b, 0] … x[b, t]).

    x: (B, T, C). Source: lecture 00:42:13.
    """
    B, T, _ = x.shape
    for b in range(B):
        for t in range(T):
            yield b, t, x[b, : t + 1].mean(0)


def average_v1(x: Tensor) -> Tensor:
    """Average every token with all tokens before it, by two loops: (B, T, C) → (B, T, C). Source: lecture 00:42:13."""
    averaged = torch.zeros_like(x)
    for b, t, mean in averaging_steps(x):
        averaged[b, t] = mean
    return averaged


def average_v2(x: Tensor) -> Tensor:
    """Average by one matrix product with a lower-triangular matrix whose rows sum to 1.

    Source: lecture 00:47:11, 00:51:54.
    """
    T = x.size(1)
    weights = torch.ones(T, T, dtype=x.dtype).tril()
    weights = weights / weights.sum(1, keepdim=True)
    return weights @ x  # (T, T) @ (B, T, C)


def average_v3(x: Tensor) -> Tensor:
    """Average with weights from a softmax: all scores equal, the future at −∞. Source: lecture 00:54:42."""
    return masked_softmax(torch.zeros(x.size(1), x.size(1), dtype=x.dtype)) @ x


def masked_softmax(scores: Tensor) -> Tensor:
    """Return rows of weights from scores (…, T, T), 0 for the future. Source: lecture 00:54:42."""
    T = scores.size(-1)
    future = ~torch.ones(T, T, dtype=torch.bool).tril()
    return scores.masked_fill(future, -torch.inf).softmax(-1)


@dataclass(frozen=True)
class OneHead:
    """Version 4: one head of attention, with every step of it. Source: lecture 01:02:00."""

    matrices: tuple[Tensor, Tensor, Tensor]  # W_q, W_k and W_v, (C, d_head) each
    q: Tensor  # (T, d_head), as are k, v and out
    k: Tensor
    v: Tensor
    scores: Tensor  # (T, T) or, over a memory, (T, S): q · k / √d_head, queries down, keys across
    weights: Tensor  # as scores, each row sums to 1
    out: Tensor  # weights @ v


def random_matrices(C: int, d_head: int, generator: torch.Generator) -> Tensor:
    """Draw three random matrices for `one_head`, (3, C, d_head): x of variance 1 gives q, k and v of variance 1.

    Source: lecture 01:16:56.
    """
    return torch.randn(3, C, d_head, generator=generator) / math.sqrt(C)


def one_head(
    x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, *, memory: Tensor | None = None, scale: bool = True
) -> OneHead:
    """Compute one head on the tokens x (T, C) with three matrices (C, d_head); no token reads the tokens after it.

    memory: (S, C), the tokens that x reads in place of its own (cross-attention). They give k and v (S, d_head); scores
    and weights are (T, S), and nothing is masked. Source: lecture 01:02:00, 01:15:39 (cross), 01:16:56 (the scale).
    """
    read = x if memory is None else memory
    q, k, v = x @ w_q, read @ w_k, read @ w_v
    scores = q @ k.T / (math.sqrt(w_q.size(1)) if scale else 1.0)
    weights = masked_softmax(scores) if memory is None else scores.softmax(-1)
    return OneHead((w_q, w_k, w_v), q, k, v, scores, weights, weights @ v)


def version_4(seed: int = 1337) -> tuple[Tensor, OneHead]:
    """Compute the lecture's own example of version 4, with its numbers: x[0] (8, 32), and its head of 16 features.

    The scores are not scaled there. Its weights are the lecture's wei[0]. Source: lecture 01:02:00.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        x = torch.randn(4, 8, 32)[0]
        w_k, w_q, w_v = (torch.nn.Linear(32, 16, bias=False).weight.detach().T for _ in range(3))
    return x, one_head(x, w_q, w_k, w_v, scale=False)


def scale_example(seed: int = 1337) -> dict[str, float]:
    """Return the variances of the lecture's example of the scale: of k, q, q · k, and q · k / √16.

    Its random numbers follow those of version 4. Source: lecture 01:16:56.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.randn(4, 8, 32)
        for _ in range(3):
            torch.nn.Linear(32, 16, bias=False)
        k, q = torch.randn(4, 8, 16), torch.randn(4, 8, 16)
    scores = q @ k.transpose(-2, -1)
    parts = {"k": k, "q": q, "q · k": scores, "q · k / √16": scores / 4}
    return {name: part.var().item() for name, part in parts.items()}


def message_steps(weights: Tensor, v: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield attention as messages, one query after another: (t, weight × v of every token (S, d), and their sum (d,)).

    weights: (T, S), queries down; v: (S, d). The sums are the rows of weights @ v. Source: lecture 01:11:38.
    """
    for t, row in enumerate(weights):
        messages = row[:, None] * v
        yield t, messages, messages.sum(0)


def check_is_lectures(attention: Attention) -> None:
    """Raise ValueError unless the attention is the lecture's.

    Its heads share no keys, positions do not turn queries and keys, no norm changes them, and there is no window.
    """
    todays = {
        "n_kv_head below n_head": attention.n_kv_head < attention.n_head,
        "rotary positions": attention.rotary is not None,
        "qk_norm": isinstance(attention.q_norm, RMSNorm),
        "a window": attention.window is not None,
    }
    if any(todays.values()):
        parts = ", ".join(part for part, has in todays.items() if has)
        raise ValueError(f"the lecture's attention has no {parts}; give a model without, or see gpt.lens.weight")


@torch.inference_mode()
def head_by_hand(model: GPT, idx: Tensor, layer: int = 0, head: int = 0) -> tuple[Tensor, OneHead]:
    """Compute one head of a causal model on the tokens idx (T,) by hand: its input x (T, C), and each step.

    Biases are one more row of its matrices, for one more feature that is always 1. Raises ValueError unless
    `check_is_lectures`. Source: lecture 01:02:00, 01:19:11.
    """
    check_is_lectures(model.blocks[layer].attn)
    _, cache = model.run_with_cache(idx[None], [f"blocks.{layer}.hook_resid_pre"])
    block, config = model.blocks[layer], model.config
    x = block.read(cache[f"blocks.{layer}.hook_resid_pre"], block.ln1, block.attn_shift)[0]
    qkv = block.attn.qkv
    matrices = qkv.weight.detach().view(3, config.n_head, config.d_head, -1)[:, head].transpose(1, 2)  # (3, C, d_head)
    read = x
    if block.attn.has_qkv_bias:
        biases = qkv.bias.view(3, config.n_head, 1, config.d_head)[:, head]
        matrices, read = torch.cat([matrices, biases], 1), torch.cat([x, torch.ones(len(x), 1)], 1)
    return x, one_head(read, *matrices, scale=config.scale)


@torch.inference_mode()
def permutation_difference(model: GPT | Bigram, idx: Tensor, permutation: Tensor) -> Tensor:
    """Measure the effect of the tokens' order, (T,): the largest |Δ logit| at each token under a permutation, put back.

    idx: (T,) ids; permutation: (T,). Zero (up to rounding) only for a model with neither positions nor mask.
    Source: lecture 01:12:46.
    """
    straight = model(idx[None])[0]
    returned = torch.empty_like(straight)
    returned[permutation] = model(idx[permutation][None])[0]
    return (returned - straight).abs().amax(-1)


@torch.inference_mode()
def edit_effects(model: GPT | Bigram, idx: Tensor, row: int, position: int, token: int) -> Tensor:
    """Measure the effect of one edited token of a batch: the largest |Δ logit| at each place of idx (B, T), (B, T).

    It is exactly 0 in other rows, and at a causal model's earlier positions. Source: lecture 01:13:40, 01:14:14.
    """
    edited = idx.clone()
    edited[row, position] = token
    return (model(edited) - model(idx)).abs().amax(-1)


def with_mask(model: GPT, causal: bool) -> GPT:
    """Return a model with the same weights, a decoder if causal, else an encoder.

    It shares the tensors. Source: lecture 01:14:14.
    """
    with without_memory():
        other = GPT(replace(model.config, causal=causal))
    other.load_state_dict(model.state_dict(), assign=True)
    return other.eval().requires_grad_(False)


def concatenated_heads(attention: Attention, x: Tensor) -> Tensor:
    """Compute all heads' outputs side by side, (B, T, C) → (B, T, n_head · d_head); head i starts at i · d_head.

    Raises ValueError unless `check_is_lectures`. Source: lecture 01:21:59.
    """
    check_is_lectures(attention)
    d, outs = attention.d_head, []
    q, k, v = attention.qkv(x).chunk(3, dim=-1)  # (B, T, n_head · d_head) each
    for head in range(attention.n_head):
        columns = slice(head * d, (head + 1) * d)
        scores = q[..., columns] @ k[..., columns].transpose(-2, -1) * attention.scale  # (B, T, T)
        weights = masked_softmax(scores) if attention.causal else scores.softmax(-1)
        outs.append(weights @ v[..., columns])  # (B, T, d_head)
    return torch.cat(outs, dim=-1)


def heads_in_a_loop(attention: Attention, x: Tensor) -> Tensor:
    """Compute `attention(x)` one head after another: (B, T, C) → (B, T, C), in eval mode.

    Raises ValueError unless `check_is_lectures`. Source: lecture 01:21:59, 01:46:22.
    """
    return attention.proj(concatenated_heads(attention, x))


def heads_at_once(attention: Attention, x: Tensor) -> Tensor:
    """Compute the same as `heads_in_a_loop`, with all heads in each 4-D product, and no fused kernel.

    Raises ValueError unless `check_is_lectures`. Source: lecture 01:46:22.
    """
    check_is_lectures(attention)
    shape, parts = (attention.n_head, attention.d_head), attention.qkv(x).chunk(3, dim=-1)
    q, k, v = (part.unflatten(-1, shape).transpose(1, 2) for part in parts)  # (B, n_head, T, d_head)
    scores = q @ k.transpose(-2, -1) * attention.scale  # (B, n_head, T, T)
    weights = masked_softmax(scores) if attention.causal else scores.softmax(-1)
    return attention.proj((weights @ v).transpose(1, 2).flatten(2))


def softmax_slopes(weights: Tensor) -> Tensor:
    """Return the slopes of a softmax: ∂ weight i / ∂ score j = pᵢ (δᵢⱼ − pⱼ), (n,) → (n, n).

    The diagonal is p (1 − p): near 0 for a weight near 0 and for a weight near 1. Source: lecture 01:16:56.
    """
    return weights.diag() - weights[:, None] * weights


@dataclass(frozen=True)
class Saturation:
    """The effect of a head's size on scores without and with the scale. All (number of sizes,).

    Source: lecture 01:16:56.
    """

    sizes: Tensor
    variance: Tensor  # of q · k: grows as the size
    scaled_variance: Tensor  # of q · k / √size: stays near 1
    largest: Tensor  # mean largest weight in a row of the softmax of q · k; at 1, one key has all the weight
    scaled_largest: Tensor
    slope: Tensor  # mean p (1 − p) of the largest weight in a row: its slope in its own score
    scaled_slope: Tensor


def saturation(sizes: Sequence[int], T: int = 32, seed: int = 1337) -> Saturation:
    """Measure the scores of random unit-variance q and k (T, size), and their softmax, for each head size."""
    generator = torch.Generator().manual_seed(seed)
    by_size: list[Tensor] = []
    for size in sizes:
        q, k = torch.randn(2, T, size, generator=generator)
        scores = q @ k.T
        largest = [s.softmax(-1).amax(-1) for s in (scores, scores / math.sqrt(size))]
        slopes = [(p * (1 - p)).mean() for p in largest]
        by_size.append(torch.stack([scores.var(), scores.var() / size, *(p.mean() for p in largest), *slopes]))
    return Saturation(torch.tensor(sizes), *torch.stack(by_size, dim=1))


def normalised(x: Tensor, over: str, eps: float = 1e-5) -> Tensor:
    """Normalise to mean 0 and variance 1 over the "features" (layernorm) or over the "batch" (batchnorm).

    x: (B, C). Raises ValueError for another axis. Source: lecture 01:32:51; Ba et al. 2016, Ioffe & Szegedy 2015.
    """
    axes = {"features": 1, "batch": 0}
    if over not in axes:
        raise ValueError(f"nothing is normalised over {over!r}; choose features or batch")
    axis = axes[over]
    return (x - x.mean(axis, keepdim=True)) / (x.var(axis, keepdim=True, unbiased=False) + eps).sqrt()
