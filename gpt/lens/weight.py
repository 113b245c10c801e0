"""Explain one attention weight: how a query and a key make it, and what the key adds to the query's z.

Everything is computed again, in double precision, from the q, k and v of the model.
Source: lecture 01:02:00 (one head), 01:16:56 (the scale); Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.lens.residual import run_on
from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT


@dataclass(frozen=True)
class LayerVectors:
    """The inputs and the output of one layer's attention on one prompt."""

    q: Tensor  # (T, n_head, d_head), as are k, v and z
    k: Tensor
    v: Tensor
    z: Tensor  # for every query, the sum over the keys of weight × v
    scale: float  # what q · k is multiplied by: 1/√d_head, or 1 in a model without the scale
    causal: bool


@dataclass(frozen=True)
class Weight:
    """The weight of one query on one key, with every step from the vectors to it. Source: lecture 01:02:00."""

    query: int
    key: int
    q: Tensor  # (d_head,), of the query
    k: Tensor  # (d_head,), of the key
    products: Tensor  # (d_head,), q × k feature by feature
    scale: float
    exists: Tensor  # (T,) bool, the keys that the mask leaves in the query's row
    scores: Tensor  # (T,), q · k × scale for every key, also those behind the mask
    exps: Tensor  # (T,), e^(score − the largest score that exists); 0 behind the mask
    weights: Tensor  # (T,), exps over their sum
    v: Tensor  # (d_head,), of the key
    carried: Tensor  # (d_head,), weight × v
    z: Tensor  # (d_head,), of the query, as the model computed it
    shares: Tensor  # (T,), each key's (weight × v) · z / |z|², z the sum of weight × v: sum 1; NaN where z is 0
    gap: float  # the largest difference of a feature between z and the sum over the keys of weight × v

    @property
    def dot(self) -> float:
        """q · k, the sum of the products."""
        return float(self.products.sum())

    @property
    def weight(self) -> float:
        """The weight at (query, key), as the heatmap shows it."""
        return float(self.weights[self.key])


@torch.inference_mode()
def layer_vectors(model: GPT | Bigram, ids: Tensor, layer: int) -> LayerVectors:
    """Return q, k, v and z of one layer on the prompt ids (T,).

    Raises ValueError for a bigram, for a layer that does not exist, and for ids that are not (T,), T ≥ 1.
    """
    if isinstance(model, Bigram):
        raise ValueError("a bigram table has no attention; open a model with at least one layer")
    if not 0 <= layer < model.config.n_layer:
        raise ValueError(f"there is no layer {layer} among {model.config.n_layer}")
    cache = run_on(model, ids, [f"blocks.{layer}.attn.hook_{name}" for name in "qkvz"])
    attention = model.blocks[layer].attn
    q, k, v, z = (cache[name, layer][0] for name in "qkvz")
    return LayerVectors(q, k, v, z, attention.scale, attention.causal)


def explain(layer: LayerVectors, head: int, query: int, key: int) -> Weight:
    """Explain the weight at (query, key) of one head.

    Raises ValueError for a head, query or key that does not exist.
    """
    T, n_head, _ = layer.q.shape
    for name, index, count in (("head", head, n_head), ("query", query, T), ("key", key, T)):
        if not 0 <= index < count:
            raise ValueError(f"there is no {name} {index} among {count}")
    q, k, v, z = (vectors[:, head].double() for vectors in (layer.q, layer.k, layer.v, layer.z))  # (T, d_head) each
    exists = torch.arange(T) <= query if layer.causal else torch.ones(T, dtype=torch.bool)
    scores = k @ q[query] * layer.scale  # (T,)
    exps = torch.where(exists, (scores - scores[exists].max()).exp(), 0.0)
    weights = exps / exps.sum()
    carried = weights[:, None] * v  # (T, d_head)
    total = carried.sum(0)
    return Weight(
        query=query,
        key=key,
        q=q[query],
        k=k[key],
        products=q[query] * k[key],
        scale=layer.scale,
        exists=exists,
        scores=scores,
        exps=exps,
        weights=weights,
        v=v[key],
        carried=carried[key],
        z=z[query],
        shares=carried @ total / (total @ total),
        gap=float((total - z[query]).abs().max()),
    )
