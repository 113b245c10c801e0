"""Interventions: change activations, to measure their effect on the output.

Each builder returns an `Intervention`: hook point → hook, for `model.hooks(...)` or `model.run_with_hooks(...)`;
`combine` joins several. Hooks read the whole prompt at once; `generate` does so at each step while they are active.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from gpt.lens.heads import uniform
from gpt.lens.residual import check_has_stream
from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT, loss_of
from gpt.model.hooks import ActivationCache, Hook

Intervention = Mapping[str, Hook]
Off = Literal["zero", "mean"]
Contribution = Literal["attn_out", "mlp_out"]


class Effect(NamedTuple):
    """One cell of an effect map: the change in nats that one intervention causes."""

    row: int  # layer
    column: int  # head or position
    value: float


def head_off(layer: int, head: int, off: Off = "zero") -> Intervention:
    """Switch a head off: its z becomes 0, or its mean over the prompt.

    Zero is a value that the model never met in training; the mean keeps what the head writes at every position.
    """
    return {f"blocks.{layer}.attn.hook_z": _at_head(head, 2, _OFF[off])}


def mlp_off(layer: int, off: Off = "zero") -> Intervention:
    """As `head_off`, for the output of a layer's MLP."""
    return {f"blocks.{layer}.hook_mlp_out": lambda value, _: _OFF[off](value)}


def towards_uniform(
    layer: int, head: int, alpha: float, *, causal: bool = True, window: int | None = None
) -> Intervention:
    """Mix a head's learned pattern with uniform attention: alpha = 1 is the learned pattern, 0 is uniform.

    causal, window: the model's, so that uniform attention reads what its heads may read. Raises ValueError unless
    0 ≤ alpha ≤ 1. Source: lecture 00:54:42, averaging.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}: choose 0 (uniform) to 1 (as learned)")

    def mix(pattern: Tensor) -> Tensor:
        return alpha * pattern + (1 - alpha) * uniform(*pattern.shape[-2:], causal=causal, window=window)

    return {f"blocks.{layer}.attn.hook_pattern": _at_head(head, 1, mix)}


def to_previous_token(layer: int, head: int) -> Intervention:
    """Make a head an ideal previous-token head: every query reads only the token before it, the first reads itself."""

    def ideal(pattern: Tensor) -> Tensor:
        T, S = pattern.shape[-2:]
        keys = (torch.arange(S - T, S) - 1).clamp(min=0)
        return torch.nn.functional.one_hot(keys, S).to(pattern).expand_as(pattern)

    return {f"blocks.{layer}.attn.hook_pattern": _at_head(head, 1, ideal)}


def scaled(layer: int, contribution: Contribution, factor: float) -> Intervention:
    """Multiply what a layer's attention or MLP adds to the residual stream; 1 changes nothing.

    Source: lecture 01:26:48.
    """
    return {f"blocks.{layer}.hook_{contribution}": lambda value, _: factor * value}


def stream_patched(layer: int, position: int, source: Tensor) -> Intervention:
    """Replace the residual stream by that of another prompt, before one layer, at one position.

    source: resid_pre of that layer under the other prompt, (B, T, n_embd), of this prompt's length.
    Source: causal tracing, Meng et al. 2022, arXiv:2202.05262.
    """

    def patch(value: Tensor, _: str) -> Tensor:
        value = value.clone()
        value[:, position] = source[:, position]
        return value

    return {f"blocks.{layer}.hook_resid_pre": patch}


def head_patched(layer: int, head: int, source: Tensor) -> Intervention:
    """Replace the z of a head by that of another prompt; source: its layer's z there, (B, T, n_head, d_head)."""
    return {f"blocks.{layer}.attn.hook_z": _at_head(head, 2, lambda _: source.select(2, head))}


def combine(interventions: Iterable[Intervention]) -> Intervention:
    """Join several; those at the same hook point act one after another."""
    acting: dict[str, tuple[Hook, ...]] = {}
    for intervention in interventions:
        for name, hook in intervention.items():
            acting[name] = (*acting.get(name, ()), hook)
    return {name: partial(_one_after_another, hooks) for name, hooks in acting.items()}


@torch.inference_mode()
def loss_under(model: GPT | Bigram, ids: Tensor, intervention: Intervention) -> float:
    """Return the mean loss in nats per token over ids (B, T), T ≥ 2, each token predicted from those before it."""
    if ids.size(-1) < 2:
        raise ValueError(f"ids of shape {tuple(ids.shape)} have no token to predict; give at least two tokens")
    return loss_of(model.run_with_hooks(ids[:, :-1], intervention), ids[:, 1:]).item()


def ablation_effects(model: GPT | Bigram, ids: Tensor, off: Off = "zero") -> Iterator[Effect]:
    """Switch off one head at a time, and yield what that adds to the loss on ids (B, T): column is the head.

    A pass begins at the layer of the head, since the stream before it is the same.
    """
    before = loss_under(model, ids, {})
    streams = _streams(model, ids[:, :-1])
    for layer, head in _heads(model):
        logits = _run_from(model, layer, streams[layer], head_off(layer, head, off))
        yield Effect(layer, head, loss_of(logits, ids[:, 1:]).item() - before)


def ablation_map(model: GPT | Bigram, ids: Tensor, off: Off = "zero") -> Tensor:
    """Return Δloss in nats per token for each head switched off, (n_layer, n_head)."""
    return gathered(ablation_effects(model, ids, off), (model.config.n_layer, model.config.n_head))


def stream_patching_effects(
    model: GPT | Bigram, ids: Tensor, source: Tensor, answer: int, layers: Iterable[int] | None = None
) -> Iterator[Effect]:
    """Patch the stream from another prompt, one layer and position at a time: column is the position.

    ids, source: (1, T) each; layers: which to patch, None for all. The effect is what the patch adds to the
    log-probability of the token `answer` after the last position.
    Raises ValueError if the prompts differ in length.
    """
    cache = _source(model, ids, source, "blocks.*.hook_resid_pre")
    layers = range(model.config.n_layer) if layers is None else layers
    first = ids.size(1) - changed_positions(model, ids, source)

    def patch(layer: int, position: int) -> Intervention:
        return stream_patched(layer, position, cache["resid_pre", layer]) if position >= first else {}

    cells = ((layer, position) for layer in layers for position in range(ids.size(1)))
    yield from _patching(model, ids, answer, ((cell, patch(*cell)) for cell in cells))


def changed_positions(model: GPT | Bigram, ids: Tensor, source: Tensor) -> int:
    """Return how many positions a patch can change: in a causal model, those from the first other token on.

    ids, source: (1, T).
    """
    same = (ids == source)[0].long().cumprod(0).sum() if model.config.causal else 0
    return ids.size(1) - int(same)


def head_patching_effects(
    model: GPT | Bigram, ids: Tensor, source: Tensor, answer: int, layers: Iterable[int] | None = None
) -> Iterator[Effect]:
    """As `stream_patching_effects`, for each head's z at all positions: column is the head."""
    cache = _source(model, ids, source, "blocks.*.attn.hook_z")
    yield from _patching(
        model, ids, answer, ((cell, head_patched(*cell, cache["z", cell[0]])) for cell in _heads(model, layers))
    )


def gathered(effects: Iterable[Effect], shape: tuple[int, int]) -> Tensor:
    """Return the effects as a map of this shape; NaN for a cell without one."""
    effect_map = torch.full(shape, torch.nan)
    for effect in effects:
        effect_map[effect.row, effect.column] = effect.value
    return effect_map


def _zero(value: Tensor) -> Tensor:
    return torch.zeros_like(value)


def _mean(value: Tensor) -> Tensor:
    """value: (B, T, …) → the same at every position."""
    return value.mean(1, keepdim=True).expand_as(value)


_OFF: dict[Off, Callable[[Tensor], Tensor]] = {"zero": _zero, "mean": _mean}


def _at_head(head: int, dim: int, change: Callable[[Tensor], Tensor]) -> Hook:
    """A hook that changes one head's part of the value; dim: the axis of the heads."""

    def hook(value: Tensor, _: str) -> Tensor:
        value = value.clone()
        part = value.select(dim, head)
        part.copy_(change(part.clone()))
        return value

    return hook


def _one_after_another(hooks: tuple[Hook, ...], value: Tensor, name: str) -> Tensor:
    for hook in hooks:
        replaced = hook(value, name)
        value = value if replaced is None else replaced
    return value


def _heads(model: GPT | Bigram, layers: Iterable[int] | None = None) -> Iterator[tuple[int, int]]:
    layers = range(model.config.n_layer) if layers is None else layers
    return ((layer, head) for layer in layers for head in range(model.config.n_head))


@torch.inference_mode()
def _source(model: GPT | Bigram, ids: Tensor, source: Tensor, names: str) -> ActivationCache:
    if ids.shape != source.shape:
        raise ValueError(
            f"patching needs prompts of equal length; these have {ids.size(-1)} and {source.size(-1)} tokens"
        )
    return model.run_with_cache(source, names if model.config.n_layer else [])[1]


def _patching(
    model: GPT | Bigram, ids: Tensor, answer: int, patches: Iterable[tuple[tuple[int, int], Intervention]]
) -> Iterator[Effect]:
    streams = _streams(model, ids)

    def log_probability(layer: int, intervention: Intervention) -> float:
        return _run_from(model, layer, streams[layer], intervention, last=1)[0, -1].log_softmax(-1)[answer].item()

    before = log_probability(0, {}) if streams else 0.0
    for cell, intervention in patches:
        yield Effect(*cell, log_probability(cell[0], intervention) - before if intervention else 0.0)


@torch.inference_mode()
def _streams(model: GPT | Bigram, ids: Tensor) -> list[Tensor]:
    """Return the stream before each layer: n_layer tensors (B, T, n_embd)."""
    return list(model.run_with_cache(ids, "blocks.*.hook_resid_pre" if model.config.n_layer else [])[1].values())


@torch.inference_mode()
def _run_from(
    model: GPT | Bigram, layer: int, stream: Tensor, intervention: Intervention, last: int | None = None
) -> Tensor:
    """Run the model from this layer on. last: positions whose logits are wanted, None for all."""
    model = check_has_stream(model)
    with model.hooks(intervention):
        for block in model.blocks[layer:]:
            stream = block(stream)
        return model.read_out(stream if last is None else stream[:, -last:])
