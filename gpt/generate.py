"""Sampling: every step has the distribution from which its token was drawn. Source: lecture 00:22:11, 00:00:00."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.model.bigram import Bigram
from gpt.model.decoder import Decoder
from gpt.model.gpt import GPT
from gpt.model.seq2seq import Seq2Seq


@dataclass(frozen=True)
class Step:
    """One sampled token."""

    token: int
    probability: float  # of this token, in the distribution it was drawn from
    top: list[tuple[int, float]]  # (token, probability), likeliest first
    entropy: float  # nats, of the distribution it was drawn from


@torch.inference_mode()
def generate(
    model: GPT | Bigram,
    idx: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 1337,
    use_cache: bool = True,
    n_top: int = 10,
    cache_under_hooks: bool = False,
) -> Iterator[Step]:
    """Continue the prompt one token at a time, yielding each as a `Step`.

    idx: (T,) or (1, T) ids, T ≥ 1; the model reads the last block_size of prompt and continuation. temperature: 0 takes
    the likeliest; top_k: only the k likeliest; top_p: only the fewest whose probabilities reach p (Holtzman et al.
    2020, arXiv:1904.09751); use_cache: keep keys and values, which changes only the speed. With hooks the whole context
    is read at each step, since a hook may mix positions; cache_under_hooks: none does, so keys and values may be kept.
    The model must be in eval mode. Raises ValueError for an empty prompt, an id outside the vocabulary, a setting out
    of range, and logits that are not finite.
    """
    context = idx.reshape(1, -1)
    if context.numel() == 0:
        raise ValueError("the prompt is empty; give at least one token to continue")
    if idx.dim() > 1 and idx.size(0) != 1:
        raise ValueError(f"generate continues one prompt at a time; got a batch of {idx.size(0)}")
    if not 0 <= context.min() <= context.max() < model.config.vocab_size:
        raise ValueError(
            f"the prompt has ids {context.min()} to {context.max()}; "
            f"this model's go from 0 to {model.config.vocab_size - 1}"
        )
    _check_settings(temperature, top_k, top_p)
    generator = torch.Generator().manual_seed(seed)
    block_size = model.config.block_size
    cached = model if use_cache and isinstance(model, GPT) and model.config.causal else None
    past, decoder, read = None, None, 0  # tokens that the cache has read
    for _ in range(max_new_tokens):
        is_hooked = cached is not None and cached.is_hooked
        if cached is not None and context.size(1) <= block_size and (cache_under_hooks or not is_hooked):
            past = past or cached.new_cache()
            if is_hooked or read + 1 < context.size(1):
                logits = cached(context[:, read:], past)[0, -1]
            else:
                decoder = decoder or Decoder(cached, past)
                logits = decoder(int(context[0, read]))
            read = context.size(1)
        else:  # past block_size each token's position changes with every step, so no key or value can be kept
            logits = model(context[:, -block_size:])[0, -1]
        probabilities = distribution(logits, temperature, top_k, top_p)
        step = _draw(probabilities, generator, n_top)
        context = torch.cat((context, context.new_tensor([[step.token]])), dim=1)
        yield step


@torch.inference_mode()
def translate(model: Seq2Seq, source: Tensor, lengths: Tensor | None = None, *, start: int, end: int) -> Tensor:
    """Decode greedily: write the likeliest next token, from `start` on, until every row has written `end`.

    source: (B, S) ids, padded if lengths (B,) are given. Returns (B, T) ids, with `end` and what follows it; T is at
    most block_size, where a row may be cut off. The model must be in eval mode. Raises ValueError as `Seq2Seq` does,
    and if its logits are not finite.
    """
    memory = model.encode(source, lengths)
    written = source.new_full((len(source), 1), start)
    ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    while written.size(1) <= model.config.block_size and not ended.all():
        logits = model.decode(written, memory, lengths)[:, -1]  # (B, vocab_size)
        _check_numbers(logits)
        token = logits.argmax(-1).masked_fill(ended, end)
        ended |= token == end
        written = torch.cat((written, token[:, None]), dim=1)
    return written[:, 1:]


def distribution(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Return the probabilities (V,) of logits (V,), float64 on the CPU, after temperature, then top-k, then top-p.

    Raises ValueError if a setting is out of range (see `generate`) or the logits are not finite.
    """
    _check_settings(temperature, top_k, top_p)
    logits = logits.cpu().double()  # MPS has no float64
    _check_numbers(logits)
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(), logits.numel()).double()
    probabilities = ((logits - logits.max()) / temperature).softmax(-1)  # ≤ 0 before the division, so none overflows
    if top_k is not None:
        probabilities = _keep(probabilities, torch.arange(logits.numel()) < top_k)
    if top_p is not None:
        reached_before = probabilities.sort(descending=True, stable=True).values.cumsum(0).roll(1)
        reached_before[0] = 0
        probabilities = _keep(probabilities, reached_before < top_p)
    return probabilities


def _check_numbers(logits: Tensor) -> None:
    if not logits.max().isfinite():
        raise ValueError("the model's logits are no numbers; its training diverged, or its weights are damaged")


def _check_settings(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if (
        not 0 <= temperature < math.inf
        or (top_k is not None and top_k < 1)
        or (top_p is not None and not 0 < top_p <= 1)
    ):
        raise ValueError(
            f"temperature={temperature} must be a number ≥ 0, top_k={top_k} ≥ 1, and 0 < top_p={top_p} ≤ 1"
        )


def _keep(probabilities: Tensor, ranks_kept: Tensor) -> Tensor:
    """Set all but these ranks (likeliest first) to 0, and scale the rest to sum to 1."""
    order = probabilities.argsort(descending=True, stable=True)
    kept = torch.zeros_like(probabilities)
    kept[order[ranks_kept]] = probabilities[order[ranks_kept]]
    return kept / kept.sum()


def _draw(probabilities: Tensor, generator: torch.Generator, n_top: int) -> Step:
    threshold = torch.rand((), generator=generator, dtype=torch.float64)
    cumulative = probabilities.cumsum(0)
    token = int(torch.searchsorted(cumulative, threshold * cumulative[-1], right=True))
    token = min(token, probabilities.numel() - 1)
    shares, tokens = probabilities.topk(min(n_top, probabilities.numel()))
    top = [(token, share) for token, share in zip(tokens.tolist(), shares.tolist(), strict=True) if share > 0]
    entropy = float(torch.special.entr(probabilities).sum())
    return Step(token, float(probabilities[token]), top, entropy)
