"""Follow the residual stream from point to point.

A point of the stream is the embedding, or the stream after an attention ("mid") or after an MLP ("post"). In a parallel
block the MLP reads the stream before the attention, so nothing reads "mid": it is a partial sum.
Source: lecture 01:26:48; Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT
from gpt.model.hooks import ActivationCache


@dataclass(frozen=True)
class ResidualPath:
    """The stream of one prompt at its P points, and the P − 1 writes between them."""

    points: tuple[str, ...]  # "embedding", "0 mid", "0 post", "1 mid", …
    writers: tuple[str, ...]  # "attention 0", "MLP 0", …; writer i leads from point i to point i + 1
    norms: Tensor  # (P, T), Euclidean
    cosines: Tensor  # (P − 1, T), between a point and the next
    writes: Tensor  # (P − 1, T), Euclidean norm of what each writer adds
    plane: Tensor  # (P, T, 2), every point in the plane of the two directions in which they differ most
    shares: Tensor  # (2,), of all the squared distances from the mean, what each of the two directions holds


def stream_points(model: GPT | Bigram) -> dict[str, str]:
    """Return point → hook name, in the order of the forward pass.

    Raises ValueError for a bigram, which has no stream.
    """
    check_has_stream(model)
    points = {"embedding": "blocks.0.hook_resid_pre"}
    for layer in range(model.config.n_layer):
        if model.config.mlp:  # without one, mid and post are the same
            points[f"{layer} mid"] = f"blocks.{layer}.hook_resid_mid"
        points[f"{layer} post"] = f"blocks.{layer}.hook_resid_post"
    return points


@torch.inference_mode()
def residual_path(model: GPT | Bigram, ids: Tensor, plane_from: int = 0) -> ResidualPath:
    """Follow the stream of the prompt ids (T,) through the model.

    plane_from: positions before this one are left out of the plane, where they are NaN: the vector of an attention sink
    at the first token can be so long that all others fall into one point.
    Raises ValueError for a bigram, for ids that are not (T,), T ≥ 1, and if plane_from leaves no position.
    """
    points, writers = stream_points(model), _writers(check_has_stream(model))
    cache = run_on(model, ids, [*points.values(), *writers.values()])
    stream = torch.stack([cache[name][0] for name in points.values()])  # (P, T, C)
    writes = torch.stack([cache[name][0] for name in writers.values()])  # (P − 1, T, C)
    if not 0 <= plane_from < len(ids):
        raise ValueError(f"plane_from={plane_from} must be 0 to {len(ids) - 1}, so that a position is left")
    plane, shares = principal_plane(stream[:, plane_from:])
    return ResidualPath(
        points=tuple(points),
        writers=tuple(writers),
        norms=stream.norm(dim=-1),
        cosines=F.cosine_similarity(stream[:-1], stream[1:], dim=-1),
        writes=writes.norm(dim=-1),
        plane=F.pad(plane, (0, 0, plane_from, 0), value=torch.nan),
        shares=shares,
    )


def principal_plane(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Project vectors (..., C) on their first two principal components, (..., 2).

    Also returns the share of variance of each component, (2,). Components that the vectors do not have (C = 1, or all
    of them equal) are zero; all is NaN if a vector is not finite.
    """
    flat = vectors.flatten(0, -2).double()  # (N, C)
    if not flat.isfinite().all():
        return vectors.new_full((*vectors.shape[:-1], 2), torch.nan), vectors.new_full((2,), torch.nan)
    centred = F.pad(flat - flat.mean(0), (0, max(0, 2 - flat.size(1))))
    variances, directions = torch.linalg.eigh(centred.T @ centred)  # ascending
    coordinates = centred @ directions[:, -2:].flip(1)
    shares = variances[-2:].flip(0).clamp(min=0) / variances.sum().clamp(min=torch.finfo(torch.float64).tiny)
    return coordinates.to(vectors.dtype).view(*vectors.shape[:-1], 2), shares.to(vectors.dtype)


def run_on(model: GPT | Bigram, ids: Tensor, names: Sequence[str]) -> ActivationCache:
    """Return the activations of one prompt at `names`. Raises ValueError unless ids is (T,) with T ≥ 1."""
    if ids.dim() != 1 or not len(ids):
        raise ValueError(f"ids of shape {tuple(ids.shape)} must be (T,), with at least one token")
    return model.run_with_cache(ids.unsqueeze(0), names)[1]


def check_has_stream(model: GPT | Bigram) -> GPT:
    """Return the model. Raises ValueError for a bigram, which has no residual stream."""
    if isinstance(model, Bigram):
        raise ValueError("a bigram table has no residual stream; open a model with at least one layer")
    return model


def _writers(model: GPT) -> dict[str, str]:
    """Return writer → hook name, in the order of the forward pass."""
    writers = {}
    for layer in range(model.config.n_layer):
        writers[f"attention {layer}"] = f"blocks.{layer}.hook_attn_out"
        if model.config.mlp:
            writers[f"MLP {layer}"] = f"blocks.{layer}.hook_mlp_out"
    return writers
