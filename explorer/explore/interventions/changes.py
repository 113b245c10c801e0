"""A person's changes to a model as data, and what they do: the next token, the loss on validation text, a sample, effect maps.

torch is imported by the functions that need it.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from explorer.figures.tokens import head_name
from explorer.opened import Opened
from explorer.shared import texts
from explorer.shared.cache import cached
from explorer.shared.prompt import read_prompt
from explorer.shared.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor

    from gpt.lens.interventions import Effect, Intervention, Off

SHOWN = 8  # next tokens
WINDOWS = 4  # stretches of validation text, each as long as the model's context
LONGEST_PIECE = 8  # characters that are set aside for a token
MOST_CHANGES = 32  # that are kept at once


@dataclass(frozen=True)
class Kind:
    """A kind of change: which part of a layer it acts on, how strongly by default (None: no strength), what it does."""

    name: str
    part: str  # "head" | "attention" | "MLP"
    default: float | None
    highest: float
    help: str


KINDS = {  # as it is called in a link → what it is
    "zero": Kind("Head off: zero", "head", None, 0, "Nothing comes from this head."),
    "mean": Kind(
        "Head off: mean",
        "head",
        None,
        0,
        "The head writes the same at every position: its mean. What it always adds stays.",
    ),
    "uniform": Kind(
        "Head towards uniform", "head", 0.0, 1.0, "1 is the learned pattern, 0 reads evenly from all earlier tokens."
    ),
    "previous": Kind("Head to previous token", "head", None, 0, "Every token reads from the one before it alone."),
    "attn": Kind(
        "Scale attention", "attention", 0.5, 3.0, "Multiply what the layer's attention adds to the residual stream."
    ),
    "mlp_zero": Kind("MLP off: zero", "MLP", None, 0, "Nothing comes from this layer's MLP."),
    "mlp_mean": Kind("MLP off: mean", "MLP", None, 0, "The MLP adds the same at every position: its mean."),
    "mlp": Kind("Scale MLP", "MLP", 0.5, 3.0, "Multiply what the layer's MLP adds to the residual stream."),
}


class Change(NamedTuple):
    """One change. `head` counts where its kind acts on a head, `strength` where its kind has one."""

    kind: str  # of `KINDS`
    layer: int
    head: int
    strength: float

    def __str__(self) -> str:
        kind = KINDS[self.kind]
        place = head_name(self.layer, self.head) if kind.part == "head" else f"layer {self.layer}"
        return f"{kind.name}, {place}" + ("" if kind.default is None else f" × {self.strength:g}")

    @property
    def link(self) -> str:
        """As a link writes it: `uniform-0-1-0.25` is L0H1 a quarter of the way from uniform to learned attention."""
        kind = KINDS[self.kind]
        head = [self.head] * (kind.part == "head")
        return "-".join(map(str, [self.kind, self.layer, *head, *[f"{self.strength:g}"] * (kind.default is not None)]))


def offered(opened: Opened) -> list[str]:
    """The kinds of change that this model has parts for."""
    mlp = opened.config.mlp
    return [name for name, kind in KINDS.items() if mlp or kind.part != "MLP"]


def strength_in(text: str, kind: Kind) -> float | None:
    """A strength from a link, to two places; None where the kind has none such."""
    strength = round(float(text), 2) if re.fullmatch(r"[0-9](\.[0-9]{1,20})?", text) else np.inf
    return strength if kind.default is not None and strength <= kind.highest else None


def from_link(opened: Opened, text: str) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """The changes in a link that this model can make, each once, and what of the text is none."""
    found: list[Change] = []
    refused: list[str] = []
    for part in text.split("~"):
        change = _change(opened, part)
        if change is None or change in found or len(found) == MOST_CHANGES:
            refused.append(part)
        else:
            found.append(change)
    return tuple(found), tuple(refused)


def _change(opened: Opened, text: str) -> Change | None:
    config = opened.config
    name, *numbers = text.split("-")
    if name not in offered(opened):
        return None
    kind = KINDS[name]
    strength = strength_in(numbers.pop(), kind) if kind.default is not None and numbers else 0.0
    sizes = [config.n_layer, *[config.n_head] * (kind.part == "head")]
    places = [
        int(number)
        for number, size in zip(numbers, sizes, strict=False)
        if re.fullmatch("0|[1-9][0-9]{0,3}", number) and int(number) < size
    ]
    if strength is None or not len(places) == len(sizes) == len(numbers):
        return None
    return Change(name, *places, *[0] * (2 - len(places)), strength)


class Answers(NamedTuple):
    """The likeliest next tokens by either, with their probabilities; before and after as arrays of one shape."""

    tokens: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray


def intervention(opened: Opened, changes: tuple[Change, ...]) -> "Intervention":
    """All changes in one, for `model.hooks`."""
    from gpt.lens import interventions as lens

    causal = opened.config.causal
    build: dict[str, Callable[[Change], Intervention]] = {
        "zero": lambda c: lens.head_off(c.layer, c.head),
        "mean": lambda c: lens.head_off(c.layer, c.head, "mean"),
        "uniform": lambda c: lens.towards_uniform(c.layer, c.head, c.strength, causal=causal),
        "previous": lambda c: lens.to_previous_token(c.layer, c.head),
        "attn": lambda c: lens.scaled(c.layer, "attn_out", c.strength),
        "mlp_zero": lambda c: lens.mlp_off(c.layer),
        "mlp_mean": lambda c: lens.mlp_off(c.layer, "mean"),
        "mlp": lambda c: lens.scaled(c.layer, "mlp_out", c.strength),
    }
    return lens.combine(build[change.kind](change) for change in changes)


def answers(opened: Opened, ids: tuple[int, ...], changes: tuple[Change, ...]) -> Answers:
    """The next token's distribution without the changes and with them, of the `SHOWN` tokens likeliest in either."""
    import torch

    model = opened.model
    with torch.inference_mode():
        before, after = (
            model.run_with_hooks(torch.tensor([ids]), hooks)[0, -1].softmax(-1).numpy()
            for hooks in ({}, intervention(opened, changes))
        )
    likeliest = np.argsort(-np.maximum(before, after), kind="stable")[:SHOWN]
    return Answers(tuple(opened.tokenizer.tokens(likeliest.tolist())), before[likeliest], after[likeliest])


@cached(max_entries=64)
def loss(opened: Opened, changes: tuple[Change, ...]) -> float:
    """Mean loss under the changes, in nats a token, on stretches of the model's validation text."""
    from gpt.lens.interventions import loss_under

    return loss_under(opened.model, validation_ids(opened), intervention(opened, changes))


@cached(max_entries=64)
def sample(opened: Opened, ids: tuple[int, ...], changes: tuple[Change, ...], sampling: Sampling) -> str:
    """A continuation of the prompt under the changes; the same seed draws from the same random numbers."""
    import torch

    from gpt import generate

    whole = any(change.kind.endswith("mean") for change in changes)  # a mean needs all positions at every step
    with opened.model.hooks(intervention(opened, changes)):
        steps = list(generate(opened.model, torch.tensor(ids), **vars(sampling), use_cache=not whole))
    return opened.tokenizer.decode([step.token for step in steps])


def validation_ids(opened: Opened) -> "Tensor":
    """Stretches of the model's validation text, evenly spread, as ids (≤ WINDOWS, ≤ block_size + 1).

    Raises ValueError where the text is gone or too short.
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


def ablation_effects(opened: Opened, off: "Off") -> "Iterator[Effect]":
    """What each head adds to the loss on validation text when it alone is switched off, one after another."""
    from gpt.lens import interventions as lens

    return lens.ablation_effects(opened.model, validation_ids(opened), off)


@cached(max_entries=64)
def seconds_a_pass(opened: Opened, shape: tuple[int, int]) -> float:
    """Measure how long one forward pass takes on this machine on ids of this shape (B, T)."""
    import torch

    ids = torch.zeros(shape, dtype=torch.long)
    started = time.perf_counter()
    with torch.inference_mode():
        opened.model(ids)
    return time.perf_counter() - started


class Patching(NamedTuple):
    """The prompt and a second one, cut to the same length from the front, and the token that the second makes likelier most."""

    ids: tuple[int, ...]
    source: tuple[int, ...]
    tokens: tuple[str, ...]
    source_tokens: tuple[str, ...]
    answer: int
    answer_token: str


def patching(opened: Opened, ids: tuple[int, ...], text: str) -> Patching:
    """Prepare to patch from another text. Raises ValueError where it is empty."""
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
    return Patching(ids, source, tuple(tokens(list(ids))), tuple(tokens(list(source))), answer, tokens([answer])[0])


def patching_effects(opened: Opened, patching: Patching, layers: range) -> "tuple[Iterator[Effect], Iterator[Effect]]":
    """The effects of patching the stream (layers × positions) and each head (layers × heads), in these layers."""
    import torch

    from gpt.lens import interventions as lens

    model, ids, source = opened.model, torch.tensor([patching.ids]), torch.tensor([patching.source])
    return (
        lens.stream_patching_effects(model, ids, source, patching.answer, layers),
        lens.head_patching_effects(model, ids, source, patching.answer, layers),
    )


def one_token_changed(opened: Opened, ids: tuple[int, ...]) -> str:
    """A second prompt to begin with. Where a text stands twice, its second copy starts otherwise; else the last token
    is the one that the model would have found likeliest in its place, apart from it."""
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
