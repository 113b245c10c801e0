"""The residual stream and the layernorms on a prompt, computed once for all sessions, with arrays in place of tensors.

All raise ValueError if the model cannot be opened, or has no residual stream.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from explorer.opened import Opened
from explorer.shared.cache import cached, with_arrays
from explorer.shared.patterns import N_TOP
from explorer.shared.progress import once_by_layer
from explorer.shared.sink import has_sink

if TYPE_CHECKING:
    from gpt.lens.norms import NormReading
    from gpt.lens.residual import ResidualPath

Ids = tuple[int, ...]


class Answer(NamedTuple):
    """What a model says on a prompt."""

    tokens: tuple[str, ...]  # the likeliest next tokens, largest probability first
    probabilities: np.ndarray  # (len(tokens),); NaN where the logits are not finite
    loss: float  # mean over the prompt, nats a token; NaN for a single token


def stream(opened: Opened, ids: Ids, without: tuple[str, ...] = ()) -> "ResidualPath":
    """The residual stream of the prompt; `without`: with these layernorms taken out. Do not change it.

    The plane is without the first token if `leaves_out_first`. A bar shows the layer.
    """
    plane_from = int(leaves_out_first(opened, ids))  # before the bar: this is a forward pass of a cached function
    kept = _streams(opened, ids, without)
    return once_by_layer(kept, opened, "Reading the stream", _read_stream, opened, ids, without, plane_from)


@cached(max_entries=64, shared=True)
def _streams(opened: Opened, ids: Ids, without: tuple[str, ...]) -> "list[ResidualPath]":
    return []


def _read_stream(opened: Opened, ids: Ids, without: tuple[str, ...], plane_from: int) -> "ResidualPath":
    import torch

    from gpt.lens.norms import without_norms
    from gpt.lens.residual import residual_path

    with opened.model.hooks(without_norms(opened.model, without)):
        return with_arrays(residual_path(opened.model, torch.tensor(ids), plane_from))


def leaves_out_first(opened: Opened, ids: Ids) -> bool:
    """Whether the first token's path is left out: of an attention sink, whose vector is far longer than the others."""
    return len(ids) > 1 and has_sink(opened)


def layernorms(opened: Opened, ids: Ids) -> "list[NormReading]":
    """What each layernorm does to the prompt; [] in a model without any. Do not change it. A bar shows the layer."""
    return once_by_layer(_layernorms(opened, ids), opened, "Reading the norms", _read_layernorms, opened, ids)


@cached(max_entries=3, shared=True)
def _layernorms(opened: Opened, ids: Ids) -> "list[list[NormReading]]":
    return []


def _read_layernorms(opened: Opened, ids: Ids) -> "list[NormReading]":
    import torch

    from gpt.lens import norms

    return [with_arrays(reading) for reading in norms.layernorms(opened.model, torch.tensor(ids))]


@cached(max_entries=64, max_size="64MB")
def answer(opened: Opened, ids: Ids, without: tuple[str, ...] = ()) -> Answer:
    """The next token's distribution and the loss on the prompt; `without`: with these layernorms taken out."""
    import torch

    from gpt import loss_of
    from gpt.lens.norms import without_norms

    idx = torch.tensor([ids])
    with torch.inference_mode():
        logits = opened.model.run_with_hooks(idx, without_norms(opened.model, without))
        loss = loss_of(logits[:, :-1], idx[:, 1:]).item()
    probabilities = logits[0, -1].softmax(-1).numpy()
    likeliest = np.argsort(-probabilities, kind="stable")[:N_TOP]
    return Answer(tuple(opened.tokenizer.tokens(likeliest.tolist())), probabilities[likeliest], loss)
