"""Direct logit attribution: split a logit into the contributions of the model's parts.

The residual stream is a sum, and the unembedding is linear. Only the final norm's division between them is not; it is
done with the scale of this prompt. A softcap is not linear either, so the logit is split as it is before the cap.
Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gpt.model.bigram import Bigram
from gpt.model.experts import Experts
from gpt.model.gpt import GPT
from gpt.model.norms import BatchNorm, RMSNorm


class Part(NamedTuple):
    """One part of the model and its contribution to the logit."""

    name: str
    value: float


@dataclass(frozen=True)
class Attribution:
    """Contributions to one logit, or to the difference of two; the parts sum to `logit` but for rounding."""

    logit: float  # as the model gives it, before its softcap
    embedding: float
    positions: float  # of the vectors added to the embeddings; 0 where none are (rotary positions, or no positions)
    ngrams: float | None  # of the vectors of n-grams; None in a model without
    heads: Tensor  # (n_layer, n_head)
    attn_bias: Tensor  # (n_layer,), of attention's output matrix; zeros where the model has none
    mlps: Tensor  # (n_layer,), without their output biases (experts: with them); zeros where the model has no MLPs
    mlp_bias: Tensor  # (n_layer,), of the MLP's second matrix; zeros where the model has none, or several experts
    # β of the final norm, less the running mean that a batchnorm takes out, and the unembedding's bias; 0 without
    final_bias: float

    @property
    def parts(self) -> list[Part]:
        """Every part by name, in the order of the forward pass."""
        parts = [Part("embedding", self.embedding), Part("positions", self.positions)]
        if self.ngrams is not None:
            parts.append(Part("n-grams", self.ngrams))
        for layer, heads in enumerate(self.heads.tolist()):
            parts += [Part(f"L{layer}H{head}", value) for head, value in enumerate(heads)]
            parts.append(Part(f"attention bias {layer}", float(self.attn_bias[layer])))
            parts.append(Part(f"MLP {layer}", float(self.mlps[layer])))
            parts.append(Part(f"MLP bias {layer}", float(self.mlp_bias[layer])))
        return [*parts, Part("final β", self.final_bias)]

    @property
    def total(self) -> float:
        """Return the sum of all parts."""
        return sum(part.value for part in self.parts)


@torch.inference_mode()
def attribute_logit(
    model: GPT | Bigram, ids: Tensor, token: int, against: int | None = None, position: int = -1
) -> Attribution:
    """Split the logit of `token` after the tokens ids[: position + 1] among the parts of the model.

    ids: (T,); against: then the difference logit(token) − logit(against) is split; position: −T ≤ position < T. Raises
    ValueError if the stream is not a sum (norms after the parts, or no residual connections), for a bigram, and for a
    token or position that does not exist.
    """
    model = check_is_sum(model)
    _check_indices(model, ids, token, against, position)
    stream = f"blocks.{model.config.n_layer - 1}.hook_resid_post"
    _, cache = model.run_with_cache(ids.unsqueeze(0), [stream, *_names(model)])
    logits = model.unembed(model.ln_final(cache[stream]))[0, position]  # before the softcap
    at = {name: value[0, position].double() for name, value in cache.items()}
    direction, final_bias = _through_final_norm(model, _pick(model.unembed.weight, token, against), at)
    config, blocks = model.config, model.blocks
    unembed_bias = float(_pick(model.unembed.bias, token, against)) if config.unembed_bias else 0.0

    def bias(layer: nn.Module) -> Tensor:
        values = getattr(layer, "bias", None)
        return torch.zeros((), dtype=torch.float64) if values is None else values.double() @ direction

    def mlp(layer: int) -> tuple[Tensor, Tensor]:
        mlp = blocks[layer].mlp
        if isinstance(mlp, Experts):
            return at[f"blocks.{layer}.hook_mlp_out"] @ direction, torch.zeros((), dtype=torch.float64)
        return at[f"blocks.{layer}.mlp.hook_post"] @ _into(mlp.down, direction), bias(mlp.down)

    layers = range(config.n_layer)
    mlps = torch.tensor([mlp(layer) if config.mlp else (0.0, 0.0) for layer in layers], dtype=torch.float64)
    return Attribution(
        logit=float(_pick(logits, token, against)),
        embedding=float(at["hook_embed"] @ direction),
        positions=float(at["hook_pos_embed"] @ direction) if config.has_pos_embed else 0.0,
        ngrams=float(at["hook_ngrams"] @ direction) if config.ngrams > 1 else None,
        heads=torch.stack([_heads(model, layer, at, direction) for layer in layers]),
        attn_bias=torch.stack([bias(block.attn.proj) for block in blocks]),
        mlps=mlps[:, 0],
        mlp_bias=mlps[:, 1],
        final_bias=final_bias + unembed_bias,
    )


def check_is_sum(model: GPT | Bigram) -> GPT:
    """Return the model. Raises ValueError, with the reason, if a logit is not a sum over its parts."""
    if isinstance(model, Bigram):
        raise ValueError("a bigram table has no parts to share a logit among; open a model with at least one layer")
    if not model.config.residual:
        raise ValueError("without residual connections the stream is no sum, so no logit splits among what wrote it")
    if model.config.norm_last:
        raise ValueError(
            "with post-norm each layer rescales all that was written before, so no logit splits among its writers"
        )
    return model


def _check_indices(model: GPT, ids: Tensor, token: int, against: int | None, position: int) -> None:
    V = model.config.vocab_size
    if ids.dim() != 1 or not -len(ids) <= position < len(ids):
        raise ValueError(f"position={position} is not among the ids, which have shape {tuple(ids.shape)}")
    for wanted in (token, token if against is None else against):
        if not 0 <= wanted < V:
            raise ValueError(f"token {wanted} is not in the vocabulary of {V}")


def _names(model: GPT) -> list[str]:
    config = model.config
    wanted = {
        "hook_embed": True,
        "hook_pos_embed": config.has_pos_embed,
        "hook_ngrams": config.ngrams > 1,
        "blocks.*.attn.hook_z": True,
        "blocks.*.mlp.hook_post": config.mlp and config.experts == 1,
        "blocks.*.hook_mlp_out": config.mlp and config.experts > 1,
        "ln_final.hook_scale": config.norm in ("pre", "rms"),
    }
    return [name for name, has in wanted.items() if has]


def _pick(values: Tensor, token: int, against: int | None) -> Tensor:
    return values[token].double() - (0 if against is None else values[against].double())


def _through_final_norm(model: GPT, unembed: Tensor, at: dict[str, Tensor]) -> tuple[Tensor, float]:
    """The direction of the stream (n_embd,) that the logit measures, and what the norm adds to it whatever the stream.

    Taking the mean out of the stream, as layernorm does, is the same as taking it out of the direction. RMSNorm takes
    none out.
    """
    norm = model.ln_final
    if isinstance(norm, nn.Identity):
        return unembed, 0.0
    bias = 0.0 if norm.bias is None else float(norm.bias.double() @ unembed)
    unembed = unembed if norm.weight is None else unembed * norm.weight
    if isinstance(norm, BatchNorm):  # a fixed scale and shift a feature
        direction = unembed / (norm.running_var.double() + norm.eps).sqrt()
        return direction, bias - float(norm.running_mean.double() @ direction)
    scaled = unembed / at["ln_final.hook_scale"]
    return scaled if isinstance(norm, RMSNorm) else scaled - scaled.mean(), bias


def _heads(model: GPT, layer: int, at: dict[str, Tensor], direction: Tensor) -> Tensor:
    """(n_head,): each head's z through its slice of the output matrix."""
    z = at[f"blocks.{layer}.attn.hook_z"]  # (n_head, d_head)
    return (z * _into(model.blocks[layer].attn.proj, direction).view_as(z)).sum(-1)


def _into(layer: nn.Module, direction: Tensor) -> Tensor:
    """The direction as seen before an output matrix; the same direction where the model has none."""
    return layer.weight.double().T @ direction if isinstance(layer, nn.Linear) else direction
