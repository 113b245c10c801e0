"""What the lenses see on a prompt, computed once and shared by everybody who looks.

With loading.py and texts.py the only home of `st.cache_*`. The results are those of gpt/lens, with arrays in place of tensors.
All raise ValueError where the model cannot be opened, or has no residual stream. torch is imported by the functions that need it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from explorer import measured
from explorer.components.film.packing import encode
from explorer.shared import loading

if TYPE_CHECKING:
    from torch import Tensor

    from gpt import GPT, Bigram, Run, Seq2Seq
    from gpt.lens.attribution import Attribution
    from gpt.lens.interventions import Off
    from gpt.lens.logits import LogitLens
    from gpt.lens.norms import NormReading
    from gpt.lens.residual import ResidualPath
    from gpt.lens.weight import LayerVectors, Weight

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


def stream(ref: str, ids: Ids, without: tuple[str, ...] = ()) -> "ResidualPath":
    """The residual stream of the prompt; `without`: with these layernorms taken out."""
    return _stream(loading.identity(loading.load_run(ref)), ids, without, loading.load_model(ref))


def layernorms(ref: str, ids: Ids) -> "list[NormReading]":
    """What each layernorm does to the prompt; [] in a model without any."""
    return _layernorms(loading.identity(loading.load_run(ref)), ids, loading.load_model(ref))


def answer(ref: str, ids: Ids, without: tuple[str, ...] = ()) -> Answer:
    """What the model says on the prompt; `without`: with these layernorms taken out."""
    run = loading.load_run(ref)
    probabilities, loss = _answer(loading.identity(run), ids, without, loading.load_model(ref))
    likeliest = np.argsort(-probabilities, kind="stable")[: loading.N_TOP]
    return Answer(tuple(run.tokenizer.tokens(likeliest.tolist())), probabilities[likeliest], loss)


def known_ablations(ref: str, off: "Off", ids: "Tensor") -> np.ndarray | None:
    """What each head adds to the loss on these ids when it is off, (n_layer, n_head) nats; None unless it ships or was measured here."""
    run = loading.load_run(ref)
    identity = loading.identity(run)
    if (identity, off) not in _ablations() and identity[1] is not None:
        _ablations()[identity, off] = measured.known_effects(run, identity[1], off, ids)
    return _ablations().get((identity, off))


def keep_ablations(ref: str, off: "Off", effects: np.ndarray) -> None:
    """Keep what was measured for everybody who looks at this model."""
    _ablations()[loading.identity(loading.load_run(ref)), off] = effects


def logit_lens(ref: str, ids: Ids, rows: slice) -> "LogitLens":
    """What the model would say at every point of its stream, at these positions; at the others stands NaN, or 0 in what counts."""
    read = _logit_lens(loading.identity(loading.load_run(ref)), ids, (rows.start, rows.stop), loading.load_model(ref))

    def spread(values: np.ndarray) -> np.ndarray:
        whole = np.full(
            (values.shape[0], len(ids), *values.shape[2:]), np.nan if values.dtype.kind == "f" else 0, values.dtype
        )
        whole[:, rows.start : rows.start + values.shape[1]] = values
        return whole

    spreads = {name: spread(value) for name, value in vars(read).items() if isinstance(value, np.ndarray)}
    return replace(read, **spreads | {"rank": spreads["rank"][:, :-1]})


def weight(ref: str, ids: Ids, layer: int, head: int, query: int, key: int) -> "Weight":
    """One attention weight taken apart. Raises ValueError where there is no such head, query or key."""
    from gpt.lens.weight import explain

    vectors = _layer_vectors(loading.identity(loading.load_run(ref)), ids, layer, loading.load_model(ref))
    return _arrays(explain(vectors, head, query, key))


def frame(run: "Run", step: int, ids: Ids) -> tuple[np.ndarray, np.ndarray]:
    """A snapshot on the prompt: its patterns as `film.packing.encode` makes them, and the next token's (vocab_size,) probabilities.

    Raises ValueError where that snapshot is gone or damaged.
    """
    return _frame(loading.identity(run, step), ids, run)


def snapshot_scores(run: "Run", step: int, held_out: str) -> dict[str, np.ndarray]:
    """Every head's scores at a snapshot, on the probe set that is made of `held_out`, as `texts.head_scores` has the newest's.

    Raises ValueError where that snapshot cannot be read, or a probe text has fewer than two tokens.
    """
    return _snapshot_scores(loading.identity(run, step), held_out, run)


def translation(ref: str, source: str) -> Translation:
    """The greedy translation of a source that the model's alphabet can spell. Raises ValueError where it cannot, or it is too long."""
    run = loading.load_run(ref)
    return _translation(loading.identity(run), source, loading.load_model(ref), run)


def alignments(ref: str) -> dict[str, np.ndarray]:
    """How well each head's cross-attention is aligned on a model of dates, as `gpt.lens.alignment.on_dates` measures it."""
    run = loading.load_run(ref)
    return _alignments(loading.identity(run), loading.load_model(ref), run)


def attribution(ref: str, ids: Ids, token: int, against: int | None, position: int) -> "Attribution":
    """The logit of a token, or its lead over another, split among the parts. Raises ValueError where it does not split."""
    model = loading.load_model(ref)
    return _attribution(loading.identity(loading.load_run(ref)), ids, token, against, position, model)


@st.cache_resource(show_spinner=False)
def _ablations() -> dict[tuple[loading.Identity, str], np.ndarray | None]:
    """Model and what is put in a head's place → the map, or None where it is not known."""
    return {}


@st.cache_data(max_entries=64, max_size="128MB", show_spinner=False)
def _stream(identity: loading.Identity, ids: Ids, without: tuple[str, ...], _model: "GPT | Bigram") -> "ResidualPath":
    import torch

    from gpt.lens.norms import without_norms
    from gpt.lens.residual import residual_path

    with _model.hooks(without_norms(_model, without)):
        return _arrays(residual_path(_model, torch.tensor(ids)))


@st.cache_data(max_entries=32, max_size="256MB", show_spinner=False)
def _layernorms(identity: loading.Identity, ids: Ids, _model: "GPT | Bigram") -> "list[NormReading]":
    import torch

    from gpt.lens.norms import layernorms

    return [_arrays(reading) for reading in layernorms(_model, torch.tensor(ids))]


@st.cache_data(max_entries=64, max_size="64MB", show_spinner=False)
def _answer(
    identity: loading.Identity, ids: Ids, without: tuple[str, ...], _model: "GPT | Bigram"
) -> tuple[np.ndarray, float]:
    import torch

    from gpt import loss_of
    from gpt.lens.norms import without_norms

    idx = torch.tensor([ids])
    with torch.inference_mode():
        logits = _model.run_with_hooks(idx, without_norms(_model, without))
        loss = loss_of(logits[:, :-1], idx[:, 1:]).item()
    return logits[0, -1].softmax(-1).numpy(), loss


@st.cache_data(max_entries=64, max_size="128MB", show_spinner=False)
def _logit_lens(identity: loading.Identity, ids: Ids, rows: tuple[int, int], _model: "GPT | Bigram") -> "LogitLens":
    import torch

    from gpt.lens.logits import logit_lens

    return _arrays(logit_lens(_model, torch.tensor(ids), loading.N_TOP, slice(*rows)))


@st.cache_data(max_entries=64, max_size="256MB", show_spinner=False)
def _layer_vectors(identity: loading.Identity, ids: Ids, layer: int, _model: "GPT | Bigram") -> "LayerVectors":
    import torch

    from gpt.lens.weight import layer_vectors

    return layer_vectors(_model, torch.tensor(ids), layer)


# A film opens each snapshot's model for one look and lets it go: in loading's cache it would take the place of one that is in use.
@st.cache_data(max_entries=600, max_size="256MB", show_spinner=False)
def _frame(identity: loading.Identity, ids: Ids, _run: "Run") -> tuple[np.ndarray, np.ndarray]:
    import torch

    from gpt.lens.history import frame

    seen = frame(_run.model(identity[1]), torch.tensor(ids))
    return encode(seen.patterns.numpy(), causal=_run.recipe.model.causal), seen.probabilities.numpy()


@st.cache_data(max_entries=600, show_spinner=False)
def _snapshot_scores(identity: loading.Identity, held_out: str, _run: "Run") -> dict[str, np.ndarray]:
    from gpt.lens import heads

    probe = heads.probe_set(_run.tokenizer, _run.recipe.model.block_size, held_out)
    return {name: score.numpy() for name, score in heads.head_scores(_run.model(identity[1]), probe).items()}


@st.cache_data(max_entries=256, show_spinner=False)
def _attribution(
    identity: loading.Identity, ids: Ids, token: int, against: int | None, position: int, _model: "GPT | Bigram"
) -> "Attribution":
    import torch

    from gpt.lens.attribution import attribute_logit

    return _arrays(attribute_logit(_model, torch.tensor(ids), token, against, position))


@st.cache_data(max_entries=64, max_size="64MB", show_spinner=False)
def _translation(identity: loading.Identity, source: str, _model: "Seq2Seq", _run: "Run") -> Translation:
    from gpt.lens.alignment import watch

    seen = watch(_model, source, _run.tokenizer)
    tokens = _run.tokenizer.tokens
    patterns = {kind: pattern.numpy() for kind, pattern in seen.patterns.items()}
    names = (tuple(tokens(ids)) for ids in (seen.source, seen.read, seen.written))
    return Translation(*names, patterns, seen.probabilities.numpy())


@st.cache_data(max_entries=16, show_spinner=False)
def _alignments(identity: loading.Identity, _model: "Seq2Seq", _run: "Run") -> dict[str, np.ndarray]:
    from gpt.lens.alignment import on_dates

    return {name: found.numpy() for name, found in on_dates(_model, _run.tokenizer).items()}


def _arrays(found: Any) -> Any:
    """The dataclass with arrays in place of tensors."""
    import torch

    tensors = {name: value for name, value in vars(found).items() if isinstance(value, torch.Tensor)}
    return replace(found, **{name: tensor.numpy() for name, tensor in tensors.items()})
