"""The input and output of each layernorm or RMSNorm on a prompt. Source: lecture 01:32:51."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.lens.residual import check_has_stream, run_on
from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT
from gpt.model.hooks import ActivationCache, Hook
from gpt.model.norms import LayerNorm, RMSNorm


@dataclass(frozen=True)
class NormReading:
    """One norm on one prompt: after = (before − mean) / scale · γ + β, or before / scale · γ with RMSNorm."""

    name: str  # "blocks.0.ln1", …, "ln_final"
    mean: Tensor | None  # (T,); None with RMSNorm, which takes no mean out
    scale: Tensor  # (T,), √(var + eps), or with RMSNorm √(mean of squares + eps)
    before: Tensor  # (T, n_embd)
    after: Tensor  # (T, n_embd)
    gamma: Tensor  # (n_embd,), ones where norms have no weights
    beta: Tensor | None  # (n_embd,), zeros where the model has no biases; None with RMSNorm, which adds none


def norm_inputs(model: GPT | Bigram) -> dict[str, tuple[str, ...]]:
    """Return norm → the hook names whose sum is its input, in the order of the forward pass; empty without norms.

    The norms of queries and keys (`qk_norm`) are not among them: they do not read the stream. Raises ValueError for a
    bigram.
    """
    check_has_stream(model)
    config, inputs = model.config, {}
    read_by_mlp = "resid_pre" if config.parallel and config.norm_first else "resid_mid"
    for layer in range(config.n_layer if config.norm != "none" else 0):
        block = f"blocks.{layer}"
        for norm, stream, out in (("ln1", "resid_pre", "attn_out"), ("ln2", read_by_mlp, "mlp_out")):
            if norm == "ln2" and not config.mlp:
                continue
            names = [f"{block}.hook_{stream}"] if config.norm_first or config.residual else []
            if config.norm_last:
                names.append(f"{block}.hook_{out}")
            inputs[f"{block}.{norm}"] = tuple(names)
    if config.norm_first:
        inputs["ln_final"] = (f"blocks.{config.n_layer - 1}.hook_resid_post",)
    return inputs


@torch.inference_mode()
def layernorms(model: GPT | Bigram, ids: Tensor) -> list[NormReading]:
    """Read every layernorm or RMSNorm on the prompt ids (T,), in the order of the forward pass; [] without any.

    Batchnorm has no statistics of a prompt: in eval mode it is one fixed scale and shift per feature. Raises ValueError
    for a bigram, and for ids that are not (T,), T ≥ 1. Source: lecture 01:32:51.
    """
    inputs = norm_inputs(model)
    if model.config.norm == "batch":
        return []
    norms = {norm: module for norm in inputs if isinstance(module := model.get_submodule(norm), LayerNorm | RMSNorm)}
    read = ("scale", "normalized") if model.config.norm == "rms" else ("mean", "scale", "normalized")
    outputs = [f"{norm}.hook_{what}" for norm in inputs for what in read]
    cache = run_on(model, ids, [*outputs, *{name for names in inputs.values() for name in names}])
    return [_reading(module, norm, inputs[norm], cache) for norm, module in norms.items()]


def without_norms(model: GPT | Bigram, norms: Sequence[str]) -> Mapping[str, Hook]:
    """Return hooks that switch these norms off: the output is the input. Use them with `with model.hooks(…)`.

    norms: names as in `norm_inputs`. Raises ValueError for a name that the model does not have, and for a bigram.
    """
    inputs = norm_inputs(model)
    unknown = [norm for norm in norms if norm not in inputs]
    if unknown:
        raise ValueError(f"the model has no norm called {unknown[0]!r}; it has {', '.join(inputs) or 'none at all'}")
    entering: dict[str, Tensor] = {}

    def keep(value: Tensor, name: str) -> None:
        entering[name] = value

    def pass_on(names: tuple[str, ...]) -> Hook:
        return lambda _normalized, _name: torch.stack([entering[name] for name in names]).sum(0)

    hooks: dict[str, Hook] = {name: keep for norm in norms for name in inputs[norm]}
    return hooks | {f"{norm}.hook_normalized": pass_on(inputs[norm]) for norm in norms}


def _reading(module: LayerNorm | RMSNorm, norm: str, inputs: tuple[str, ...], cache: ActivationCache) -> NormReading:
    after, beta = cache[f"{norm}.hook_normalized"][0], None
    if isinstance(module, LayerNorm):
        beta = after.new_zeros(after.size(-1)) if module.bias is None else module.bias.detach().clone()
    return NormReading(
        name=norm,
        mean=cache[f"{norm}.hook_mean"][0, :, 0] if isinstance(module, LayerNorm) else None,
        scale=cache[f"{norm}.hook_scale"][0, :, 0],
        before=torch.stack([cache[name][0] for name in inputs]).sum(0),
        after=after,
        gamma=after.new_ones(after.size(-1)) if module.weight is None else module.weight.detach().clone(),
        beta=beta,
    )
