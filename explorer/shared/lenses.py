"""The lenses on a prompt, computed once for all sessions. The results are those of gpt/lens, with arrays in place of tensors.

All raise ValueError if the model cannot be opened, or has no residual stream. torch is imported by the functions that need it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from explorer import measured
from explorer.opened import Identity, Opened
from explorer.shared.cache import cached, with_arrays
from explorer.shared.loading import by_reference
from explorer.shared.patterns import N_TOP

if TYPE_CHECKING:
    from torch import Tensor

    from gpt import Seq2Seq
    from gpt.lens.attribution import Attribution
    from gpt.lens.interventions import Off
    from gpt.lens.logits import LogitLens
    from gpt.lens.norms import NormReading
    from gpt.lens.residual import ResidualPath

Ids = tuple[int, ...]


class Answer(NamedTuple):
    """What a model says on a prompt."""

    tokens: tuple[str, ...]  # the likeliest next tokens, largest probability first
    probabilities: np.ndarray  # (len(tokens),); NaN where the logits are not finite
    loss: float  # mean over the prompt, nats a token; NaN for a single token


class Translation(NamedTuple):
    """A source, what the model made of it, and where it looked while it did."""

    source: tuple[str, ...]  # S tokens
    read: tuple[str, ...]  # T: what the decoder had read at each step, the start and then what it had written
    written: tuple[str, ...]  # T: what it wrote there, the end at the last
    patterns: dict[str, np.ndarray]  # "encoder", "decoder", "cross" → (n_layer, n_head, queries, keys)
    probabilities: np.ndarray  # (T, vocab_size)


@by_reference
@cached(max_entries=64, max_size="128MB")
def stream(opened: Opened, ids: Ids, without: tuple[str, ...] = ()) -> "ResidualPath":
    """The residual stream of the prompt; `without`: with these layernorms taken out."""
    import torch

    from gpt.lens.norms import without_norms
    from gpt.lens.residual import residual_path

    with opened.model.hooks(without_norms(opened.model, without)):
        return with_arrays(residual_path(opened.model, torch.tensor(ids)))


@by_reference
@cached(max_entries=32, max_size="256MB")
def layernorms(opened: Opened, ids: Ids) -> "list[NormReading]":
    """What each layernorm does to the prompt; [] in a model without any."""
    import torch

    from gpt.lens import norms

    return [with_arrays(reading) for reading in norms.layernorms(opened.model, torch.tensor(ids))]


@by_reference
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


@by_reference
def known_ablations(opened: Opened, off: "Off", ids: "Tensor") -> np.ndarray | None:
    """What each head adds to the loss on these ids when it is off, (n_layer, n_head) nats; None unless it ships or was measured here."""
    key = opened.identity, off
    if key not in _ablations() and opened.step is not None:
        _ablations()[key] = measured.known_effects(opened, off, ids)
    return _ablations().get(key)


@by_reference
def keep_ablations(opened: Opened, off: "Off", effects: np.ndarray) -> None:
    """Keep what was measured for everybody who looks at this model."""
    _ablations()[opened.identity, off] = effects


@cached(max_entries=1, shared=True)
def _ablations() -> dict[tuple[Identity, str], np.ndarray | None]:
    """Model and what is put in a head's place → the map, or None if it is not known."""
    return {}


@by_reference
def logit_lens(opened: Opened, ids: Ids, rows: slice) -> "LogitLens":
    """What the model would say at every point of its stream, at these positions; the others are NaN, or 0 in what counts."""
    lens = _logit_lens(opened, ids, rows.start, rows.stop)

    def spread(values: np.ndarray) -> np.ndarray:
        whole = np.full(
            (values.shape[0], len(ids), *values.shape[2:]), np.nan if values.dtype.kind == "f" else 0, values.dtype
        )
        whole[:, rows.start : rows.start + values.shape[1]] = values
        return whole

    spreads = {name: spread(value) for name, value in vars(lens).items() if isinstance(value, np.ndarray)}
    return replace(lens, **spreads | {"rank": spreads["rank"][:, :-1]})


@cached(max_entries=64, max_size="128MB")
def _logit_lens(opened: Opened, ids: Ids, start: int, stop: int) -> "LogitLens":
    import torch

    from gpt.lens.logits import logit_lens

    return with_arrays(logit_lens(opened.model, torch.tensor(ids), N_TOP, slice(start, stop)))


@by_reference
@cached(max_entries=64, max_size="64MB")
def translation(opened: Opened, source: str) -> Translation:
    """The greedy translation of a source that the model's alphabet can spell. Raises ValueError if it cannot, or it is too long."""
    from gpt.lens.alignment import watch

    seen = watch(cast("Seq2Seq", opened.model), source, opened.tokenizer)
    patterns = {kind: pattern.numpy() for kind, pattern in seen.patterns.items()}
    names = (tuple(opened.tokenizer.tokens(ids)) for ids in (seen.source, seen.read, seen.written))
    return Translation(*names, patterns, seen.probabilities.numpy())


@by_reference
@cached(max_entries=16)
def alignments(opened: Opened) -> dict[str, np.ndarray]:
    """How well each head's cross-attention is aligned on a model of dates, as `gpt.lens.alignment.on_dates` measures it."""
    from gpt.lens.alignment import on_dates

    measures = on_dates(cast("Seq2Seq", opened.model), opened.tokenizer)
    return {name: values.numpy() for name, values in measures.items()}


@by_reference
@cached(max_entries=256)
def attribution(opened: Opened, ids: Ids, token: int, against: int | None, position: int) -> "Attribution":
    """The logit of a token, or its lead over another, split among the parts. Raises ValueError if it does not split."""
    import torch

    from gpt.lens.attribution import attribute_logit

    return with_arrays(attribute_logit(opened.model, torch.tensor(ids), token, against, position))
