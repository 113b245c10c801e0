"""A person's changes to a model as data, and what they do: the next token, the loss on validation text, a sample, effect maps.

What a session has measured stays with it until the question changes. torch is imported by the functions that need it.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from explorer import state
from explorer.figures.tokens import head_name
from explorer.shared import loading, texts

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


def offered(ref: str) -> list[str]:
    """The kinds of change that this model has parts for."""
    mlp = loading.load_model(ref).config.mlp
    return [name for name, kind in KINDS.items() if mlp or kind.part != "MLP"]


def strength_in(text: str, kind: Kind) -> float | None:
    """A strength from a link, to two places; None where the kind has none such."""
    strength = round(float(text), 2) if re.fullmatch(r"[0-9](\.[0-9]{1,20})?", text) else np.inf
    return strength if kind.default is not None and strength <= kind.highest else None


def from_link(ref: str, text: str) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """The changes in a link that this model can make, each once, and what of the text is none."""
    found: list[Change] = []
    refused: list[str] = []
    for part in text.split("~"):
        change = _change(ref, part)
        if change is None or change in found or len(found) == MOST_CHANGES:
            refused.append(part)
        else:
            found.append(change)
    return tuple(found), tuple(refused)


def _change(ref: str, text: str) -> Change | None:
    config = loading.load_model(ref).config
    name, *numbers = text.split("-")
    if name not in offered(ref):
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


def intervention(ref: str, changes: tuple[Change, ...]) -> "Intervention":
    """All changes in one, for `model.hooks`."""
    from gpt.lens import interventions as lens

    causal = loading.load_model(ref).config.causal
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


def answers(ref: str, ids: tuple[int, ...], changes: tuple[Change, ...]) -> Answers:
    """The next token's distribution without the changes and with them, of the `SHOWN` tokens likeliest in either."""
    import torch

    model = loading.load_model(ref)
    with torch.inference_mode():
        before, after = (
            model.run_with_hooks(torch.tensor([ids]), hooks)[0, -1].softmax(-1).numpy()
            for hooks in ({}, intervention(ref, changes))
        )
    likeliest = np.argsort(-np.maximum(before, after), kind="stable")[:SHOWN]
    return Answers(
        tuple(loading.load_run(ref).tokenizer.tokens(likeliest.tolist())), before[likeliest], after[likeliest]
    )


def loss(ref: str, changes: tuple[Change, ...]) -> float:
    """Mean loss under the changes, in nats a token, on stretches of the model's validation text."""
    from gpt.lens.interventions import loss_under

    key = (loading.identity(loading.load_run(ref)), changes)
    return _kept(
        f"loss:{bool(changes)}",
        key,
        lambda: loss_under(loading.load_model(ref), held_out(ref), intervention(ref, changes)),
    )


def sample(ref: str, ids: tuple[int, ...], changes: tuple[Change, ...], sampling: loading.Sampling) -> str:
    """A continuation of the prompt under the changes; the same seed draws from the same random numbers."""
    import torch

    from gpt import generate

    def draw() -> str:
        model = loading.load_model(ref)
        whole = any(change.kind.endswith("mean") for change in changes)  # a mean needs all positions at every step
        with model.hooks(intervention(ref, changes)):
            steps = list(generate(model, torch.tensor(ids), **vars(sampling), use_cache=not whole))
        return loading.text_of(ref, tuple(step.token for step in steps))

    key = (loading.identity(loading.load_run(ref)), ids, changes, sampling)
    return _kept(f"sample:{bool(changes)}", key, draw)


def held_out(ref: str) -> "Tensor":
    """Stretches of the model's validation text, evenly spread, as ids (≤ WINDOWS, ≤ block_size + 1).

    Raises ValueError where the text is gone or too short.
    """
    import torch

    text, tokenizer = texts.parts(ref)[1], loading.load_run(ref).tokenizer
    T = loading.load_model(ref).config.block_size + 1
    starts = np.linspace(0, max(0, len(text) - T * LONGEST_PIECE), WINDOWS).astype(int)
    rows = [tokenizer.encode(text[start : start + T * LONGEST_PIECE])[:T] for start in np.unique(starts)]
    shortest = min(map(len, rows))
    if shortest < 2:
        raise ValueError("the validation text has fewer than two tokens, so there is nothing to predict in it")
    return torch.tensor([row[:shortest] for row in rows])


def ablation_effects(ref: str, off: "Off") -> "Iterator[Effect]":
    """What each head adds to the loss on validation text when it alone is switched off, one after another."""
    from gpt.lens import interventions as lens

    return lens.ablation_effects(loading.load_model(ref), held_out(ref), off)


def seconds_a_pass(ref: str, ids: "Tensor") -> float:
    """How long one forward pass takes here on ids (B, T), measured once a session."""
    import torch

    def measure() -> float:
        started = time.perf_counter()
        with torch.inference_mode():
            loading.load_model(ref)(ids)
        return time.perf_counter() - started

    return _kept(f"seconds:{len(ids)}", (loading.identity(loading.load_run(ref)), tuple(ids.shape)), measure)


class Patching(NamedTuple):
    """The prompt and a second one, cut to the same length from the front, and the token that the second makes likelier most."""

    ids: tuple[int, ...]
    source: tuple[int, ...]
    tokens: tuple[str, ...]
    source_tokens: tuple[str, ...]
    answer: int
    answer_token: str


def patching(ref: str, ids: tuple[int, ...], text: str) -> Patching:
    """Prepare to patch from another text. Raises ValueError where it is empty."""
    import torch

    source = loading.read(ref, text).ids
    if not source:
        raise ValueError("the second prompt is empty; type a line to patch from")
    T = min(len(ids), len(source))
    ids, source = ids[-T:], source[-T:]
    with torch.inference_mode():
        first, second = loading.load_model(ref)(torch.tensor([ids, source]))[:, -1].softmax(-1)
    answer = int((second - first).argmax())
    tokens = loading.load_run(ref).tokenizer.tokens
    return Patching(ids, source, tuple(tokens(list(ids))), tuple(tokens(list(source))), answer, tokens([answer])[0])


def patching_effects(ref: str, patching: Patching, layers: range) -> "tuple[Iterator[Effect], Iterator[Effect]]":
    """The effects of patching the stream (layers × positions) and each head (layers × heads), in these layers."""
    import torch

    from gpt.lens import interventions as lens

    model, ids, source = loading.load_model(ref), torch.tensor([patching.ids]), torch.tensor([patching.source])
    return (
        lens.stream_patching_effects(model, ids, source, patching.answer, layers),
        lens.head_patching_effects(model, ids, source, patching.answer, layers),
    )


def one_token_changed(ref: str, ids: tuple[int, ...]) -> str:
    """A second prompt to begin with. Where a text stands twice, its second copy starts otherwise; else the last token
    is the one that the model would have found likeliest in its place, apart from it."""
    import torch

    half = len(ids) // 2
    if half and ids[:half] == ids[half:]:
        place, other = half, (ids[half] + 1) % loading.load_model(ref).config.vocab_size
    else:
        place = len(ids) - 1
        with torch.inference_mode():
            likeliest = loading.load_model(ref)(torch.tensor([ids[: max(1, place)]]))[0, -1].argsort(descending=True)[
                :2
            ]
        other = next((token for token in likeliest.tolist() if token != ids[place]), ids[place])
    return loading.text_of(ref, (*ids[:place], other, *ids[place + 1 :]))


def _kept(name: str, key: Any, measure: Callable[[], Any]) -> Any:
    held = state.recall(name)
    if held is None or held[0] != key:
        held = (key, measure())
        state.remember(name, held)
    return held[1]
