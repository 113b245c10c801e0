"""The effects of changes, computed once for all sessions: next token, loss, sample, and effect maps.

Functions import torch, so that the page is on screen before.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from explorer import measured
from explorer.explore.interventions.changes import Change, build_intervention
from explorer.opened import Opened
from explorer.shared import texts
from explorer.shared.cache import cached
from explorer.shared.prompt import read_prompt
from explorer.shared.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor

    from gpt.lens.interventions import Effect, Off

Ids = tuple[int, ...]
Changes = tuple[Change, ...]
SHOWN = 8  # next tokens
WINDOWS = 4  # stretches of validation text, each as long as the model's context
LONGEST_PIECE = 8  # characters; no token is longer


class Answers(NamedTuple):
    """The most likely next tokens, and their probabilities before and after the changes: two arrays of one shape."""

    tokens: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray


@cached(max_entries=64, max_size="64MB")
def outcome(opened: Opened, ids: Ids, changes: Changes) -> tuple[np.ndarray, float]:
    """Return the next token's probabilities (vocab_size,), and the loss on the prompt: nats per token, NaN for one."""
    import torch

    from gpt import loss_of

    idx = torch.tensor([ids])
    with torch.inference_mode():
        logits = opened.model.run_with_hooks(idx, build_intervention(opened.config, changes))
        return logits[0, -1].softmax(-1).numpy(), loss_of(logits[:, :-1], idx[:, 1:]).item()


def next_token(opened: Opened, ids: Ids, changes: Changes) -> Answers:
    """Return the next token's distribution before and after: the `SHOWN` most likely tokens of either."""
    before, after = (outcome(opened, ids, each)[0] for each in ((), changes))
    likeliest = np.argsort(-np.maximum(before, after), kind="stable")[:SHOWN]
    return Answers(tuple(opened.tokenizer.tokens(likeliest.tolist())), before[likeliest], after[likeliest])


def text_of_loss(opened: Opened) -> str:
    """Name the text that the loss is measured on: a real model has no validation text here."""
    return "the prompt" if opened.is_real else "validation text"


def loss(opened: Opened, ids: Ids, changes: Changes) -> float:
    """Return the mean loss under the changes in nats per token, on `text_of_loss`. ids: of the prompt."""
    if not opened.is_real:
        return _validation_loss(opened, changes)
    _check_predicts(ids)
    return outcome(opened, ids, changes)[1]


@cached(max_entries=64)
def _validation_loss(opened: Opened, changes: Changes) -> float:
    from gpt.lens.interventions import loss_under

    return loss_under(opened.model, validation_ids(opened), build_intervention(opened.config, changes))


def sample(opened: Opened, ids: Ids, changes: Changes, sampling: Sampling) -> Iterator[str]:
    """Continue the prompt under the changes: yield the text after each new token.

    The same seed uses the same random numbers. A finished text is kept for all sessions.
    """
    import torch

    from gpt import generate

    finished = _finished_sample(opened, ids, changes, sampling)
    if finished:
        yield finished[0]
        return
    mixes = any(change.kind.endswith("mean") for change in changes)  # a mean needs all positions at every step
    steps = generate(opened.model, torch.tensor(ids), **vars(sampling), cache_under_hooks=not mixes)
    hooks, tokens = build_intervention(opened.config, changes), []
    for _ in range(sampling.max_new_tokens):
        with opened.model.hooks(hooks):  # only while a token is sampled: the page draws meanwhile
            tokens.append(next(steps).token)
        yield opened.tokenizer.decode(tokens)
    finished.append(opened.tokenizer.decode(tokens))


def is_written(opened: Opened, ids: Ids, changes: Changes, sampling: Sampling) -> bool:
    """Whether the sample is finished, so that it costs nothing."""
    return bool(_finished_sample(opened, ids, changes, sampling))


@cached(max_entries=64, shared=True)
def _finished_sample(opened: Opened, ids: Ids, changes: Changes, sampling: Sampling) -> list[str]:
    """The finished sample, in a list that all sessions share; empty until there is one."""
    return []


def loss_ids(opened: Opened, ids: Ids) -> "Tensor":
    """Return the tokens of `text_of_loss`, (B, T). ids: of the prompt. Raises ValueError if T is below 2."""
    import torch

    if not opened.is_real:
        return validation_ids(opened)
    _check_predicts(ids)
    return torch.tensor([ids])


def _check_predicts(ids: Ids) -> None:
    if len(ids) < 2:
        raise ValueError("the prompt has only one token, so there is no loss on it; type a longer prompt")


def validation_ids(opened: Opened) -> "Tensor":
    """Return evenly spaced stretches of the model's validation text: (≤ WINDOWS, ≤ block_size + 1) ids.

    Raises ValueError where the text is missing or too short.
    """
    import torch

    text, tokenizer = texts.parts(opened)[1], opened.tokenizer
    T = opened.config.block_size + 1
    starts = np.linspace(0, max(0, len(text) - T * LONGEST_PIECE), WINDOWS).astype(int)
    rows = [tokenizer.encode(text[start : start + T * LONGEST_PIECE])[:T] for start in np.unique(starts)]
    shortest = min(map(len, rows))
    if shortest < 2:
        raise ValueError("the validation text has fewer than two tokens, so there is nothing to predict in it")
    return torch.tensor([row[:shortest] for row in rows])


@cached(max_entries=64)
def seconds_a_pass(opened: Opened, B: int, T: int) -> float:
    """Measure the seconds of one forward pass on (B, T) ids on this machine."""
    import torch

    ids = torch.zeros(B, T, dtype=torch.long)
    started = time.perf_counter()
    with torch.inference_mode():
        opened.model(ids)
    return time.perf_counter() - started


def ablation_effects(opened: Opened, ids: Ids, off: "Off") -> "Iterator[Effect]":
    """Switch off one head after another, and return what each adds to the loss on `text_of_loss`."""
    from gpt.lens import interventions as lens

    return lens.ablation_effects(opened.model, loss_ids(opened, ids), off)


def known_ablations(opened: Opened, ids: Ids, off: "Off") -> np.ndarray | None:
    """Return the shipped or measured map of `ablation_effects`, (n_layer, n_head) in nats; None without one."""
    measured_maps = _ablations(opened, ids if opened.is_real else (), off)
    if not measured_maps and opened.step is not None:
        known = measured.known_effects(opened, off, validation_ids(opened))
        measured_maps += [] if known is None else [known]
    return measured_maps[0] if measured_maps else None


def keep_ablations(opened: Opened, ids: Ids, off: "Off", effects: np.ndarray) -> None:
    """Keep a measured map for all sessions."""
    _ablations(opened, ids if opened.is_real else (), off).append(effects)


@cached(max_entries=64, shared=True)
def _ablations(opened: Opened, ids: Ids, off: "Off") -> list[np.ndarray]:
    """The measured map, in a list that all sessions share; empty until there is one. ids: () for validation text."""
    return []


class Pair(NamedTuple):
    """The prompt and a second prompt, both cut to their last T tokens, and the token that the second raises most."""

    ids: Ids
    source: Ids
    tokens: tuple[str, ...]
    answer: int
    answer_token: str


@cached(max_entries=64)
def pair_prompts(opened: Opened, ids: Ids, text: str) -> Pair:
    """Prepare to patch from a second prompt. Raises ValueError where it is empty."""
    import torch

    source = read_prompt(opened, text).ids
    if not source:
        raise ValueError("the second prompt is empty; type a line to patch from")
    T = min(len(ids), len(source))
    ids, source = ids[-T:], source[-T:]
    with torch.inference_mode():
        first, second = opened.model(torch.tensor([ids, source]))[:, -1].softmax(-1)
    answer = int((second - first).argmax())
    tokens = opened.tokenizer.tokens
    return Pair(ids, source, tuple(tokens(list(ids))), answer, tokens([answer])[0])


def patching_effects(opened: Opened, pair: Pair, layers: range) -> "tuple[Iterator[Effect], Iterator[Effect]]":
    """Return the effects of patching the residual stream (layers × positions) and each head (layers × heads)."""
    import torch

    from gpt.lens import interventions as lens

    model, ids, source = opened.model, torch.tensor([pair.ids]), torch.tensor([pair.source])
    return (
        lens.stream_patching_effects(model, ids, source, pair.answer, layers),
        lens.head_patching_effects(model, ids, source, pair.answer, layers),
    )


def changed_positions(opened: Opened, pair: Pair) -> int:
    """Return how many positions of the first prompt a patch can change."""
    import torch

    from gpt.lens.interventions import changed_positions

    return changed_positions(opened.model, torch.tensor([pair.ids]), torch.tensor([pair.source]))


@cached(max_entries=64, shared=True)
def kept_patching(opened: Opened, pair: Pair, first: int, last: int) -> list[np.ndarray]:
    """The two maps of `patching_effects`, in a list that all sessions share; empty until they are measured."""
    return []


@cached(max_entries=64)
def suggest_second_prompt(opened: Opened, ids: Ids) -> str:
    """Change one token of the prompt.

    Where the prompt is one text twice, the second copy begins with another token. Elsewhere the last token becomes the
    one that the model finds most likely there, apart from it.
    """
    import torch

    half = len(ids) // 2
    if half and ids[:half] == ids[half:]:
        place, other = half, (ids[half] + 1) % opened.config.vocab_size
    else:
        place = len(ids) - 1
        with torch.inference_mode():
            likeliest = opened.model(torch.tensor([ids[: max(1, place)]]))[0, -1].argsort(descending=True)[:2]
        other = next((token for token in likeliest.tolist() if token != ids[place]), ids[place])
    return opened.tokenizer.decode((*ids[:place], other, *ids[place + 1 :]))
