"""Explain one attention weight: how a query and a key make it, and what the key adds to the query's z.

Everything is computed again, in double precision, from the q, k and v of the model.
Source: lecture 01:02:00 (one head), 01:16:56 (the scale); Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1.
Rotation: Su et al. 2021, arXiv:2104.09864, section 3.4.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gpt.lens.residual import run_on
from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT


class Stage(NamedTuple):
    """Queries and keys at one stage on their way to the scores; heads that share a key have one row of k."""

    name: str  # "projected", "normalised" (qk norm) or "turned" (rotary positions)
    q: Tensor  # (T, n_head, d_head); of one head and query (d_head,)
    k: Tensor  # (T, n_kv_head, d_head); of one head and key (d_head,)


@dataclass(frozen=True)
class LayerVectors:
    """The inputs and the output of one layer's attention on one prompt."""

    stages: tuple[Stage, ...]  # in the order of the forward pass; the last is multiplied
    v: Tensor  # (T, n_kv_head, d_head)
    z: Tensor  # (T, n_head, d_head), for every query the sum over the keys of weight × v
    scale: float  # what q · k is multiplied by: 1/√d_head, or 1 in a model without the scale
    causal: bool
    window: int | None  # of tokens that a query reads, itself included
    angles: Tensor | None  # (T, n/2) radians, by which each pair of features is turned at each position; None: by none


@dataclass(frozen=True)
class Rotation:
    """What turning a query and a key does to their score.

    Feature i is paired with feature i + n/2, and each pair is turned by an angle that grows with the position, so the
    query's pairs are turned further than the key's by distance × frequency.
    """

    distance: int  # query − key, tokens
    angles: Tensor  # (n/2,) radians: how much further each pair of the query is turned; negative for a later key
    before: Tensor  # (n/2,), what each pair adds to q · k before they are turned
    after: Tensor  # (n/2,), what it adds after
    by_distance: Tensor  # (T,), the score of this query and this key if they were 0, 1, … tokens apart


@dataclass(frozen=True)
class Weight:
    """The weight of one query on one key, with every step from the vectors to it. Source: lecture 01:02:00."""

    query: int
    key: int
    kv_head: int  # the key and value head that the query head reads
    sharing: tuple[int, ...]  # the query heads that read it, this one included
    stages: tuple[Stage, ...]  # the query's q and the key's k, in the order of the forward pass
    rotation: Rotation | None  # None in a model without rotary positions
    products: Tensor  # (d_head,), q × k feature by feature, of the last stage
    scale: float
    exists: Tensor  # (T,) bool, the keys that the mask and the window leave in the query's row
    scores: Tensor  # (T,), q · k × scale for every key, also those behind the mask
    exps: Tensor  # (T,), e^(score − the largest score that exists); 0 behind the mask
    weights: Tensor  # (T,), exps over their sum
    v: Tensor  # (d_head,), of the key
    carried: Tensor  # (d_head,), weight × v
    z: Tensor  # (d_head,), of the query, as the model computed it
    shares: Tensor  # (T,), each key's (weight × v) · z / |z|², z the sum of weight × v: sum 1; NaN where z is 0
    gap: float  # the largest difference of a feature between z and the sum over the keys of weight × v

    @property
    def q(self) -> Tensor:
        """The query's vector that is multiplied, (d_head,)."""
        return self.stages[-1].q

    @property
    def k(self) -> Tensor:
        """The key's vector that is multiplied, (d_head,)."""
        return self.stages[-1].k

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
    attention = model.blocks[layer].attn
    names = {"projected": ("hook_q", "hook_k")}
    if model.config.qk_norm:
        names["normalised"] = ("q_norm.hook_normalized", "k_norm.hook_normalized")
    if attention.rotary is not None:
        names["turned"] = ("hook_rot_q", "hook_rot_k")
    at = f"blocks.{layer}.attn."
    cache = run_on(model, ids, [at + name for name in (*sum(names.values(), ()), "hook_v", "hook_z")])
    return LayerVectors(
        stages=tuple(Stage(stage, *(cache[at + name][0] for name in pair)) for stage, pair in names.items()),
        v=cache[f"{at}hook_v"][0],
        z=cache[f"{at}hook_z"][0],
        scale=attention.scale,
        causal=attention.causal,
        window=attention.window,
        angles=None if attention.rotary is None else attention.rotary.angles(len(ids), 0, torch.zeros(()).double()),
    )


def explain(layer: LayerVectors, head: int, query: int, key: int) -> Weight:
    """Explain the weight at (query, key) of one head.

    Raises ValueError for a head, query or key that does not exist.
    """
    T, n_head, _ = layer.z.shape
    for name, index, count in (("head", head, n_head), ("query", query, T), ("key", key, T)):
        if not 0 <= index < count:
            raise ValueError(f"there is no {name} {index} among {count}")
    group = n_head // layer.v.size(1)  # query heads that share a key and value head
    kv_head = head // group
    rows = [Stage(name, q[:, head].double(), k[:, kv_head].double()) for name, q, k in layer.stages]  # (T, d_head)
    stages = tuple(Stage(name, q[query], k[key]) for name, q, k in rows)
    v, z = layer.v[:, kv_head].double(), layer.z[query, head].double()
    exists = readable(layer, query)
    scores = rows[-1].k @ stages[-1].q * layer.scale  # (T,)
    exps = torch.where(exists, (scores - scores[exists].max()).exp(), 0.0)
    weights = exps / exps.sum()
    carried = weights[:, None] * v  # (T, d_head)
    total = carried.sum(0)
    return Weight(
        query=query,
        key=key,
        kv_head=kv_head,
        sharing=tuple(range(kv_head * group, (kv_head + 1) * group)),
        stages=stages,
        rotation=None if layer.angles is None else _rotation(layer.angles, layer.scale, stages[-2], query - key),
        products=stages[-1].q * stages[-1].k,
        scale=layer.scale,
        exists=exists,
        scores=scores,
        exps=exps,
        weights=weights,
        v=v[key],
        carried=carried[key],
        z=z,
        shares=carried @ total / (total @ total),
        gap=float((total - z).abs().max()),
    )


def readable(layer: LayerVectors, query: int) -> Tensor:
    """Return which keys this query may read, (T,) bool: none after it in a causal model, none before its window."""
    keys = torch.arange(len(layer.z))
    allowed = keys <= query if layer.causal else torch.ones_like(keys, dtype=torch.bool)
    return allowed if layer.window is None else allowed & (keys > query - layer.window)


def _rotation(angles: Tensor, scale: float, stage: Stage, distance: int) -> Rotation:
    """angles: (T, n/2), of each position; stage: q and k (d_head,) just before they are turned."""
    turned = 2 * angles.size(1)
    (q1, q2), (k1, k2) = (vector[:turned].chunk(2) for vector in (stage.q, stage.k))
    along, across = q1 * k1 + q2 * k2, q1 * k2 - q2 * k1  # what a pair adds at an angle of 0, and at a right angle
    rest = stage.q[turned:] @ stage.k[turned:]
    pairs = along * angles.cos() + across * angles.sin()  # (T, n/2): row d is a distance of d tokens
    here = angles[abs(distance)] * (1 if distance >= 0 else -1)
    return Rotation(
        distance=distance,
        angles=here,
        before=along,
        after=along * here.cos() + across * here.sin(),
        by_distance=(pairs.sum(-1) + rest) * scale,
    )
