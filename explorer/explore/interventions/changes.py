"""A person's changes to a model as data: the kinds of change, how a link writes them, and their hooks."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from explorer.figures.tokens import head_name

if TYPE_CHECKING:
    from gpt import GPTConfig
    from gpt.lens.interventions import Intervention

MOST_CHANGES = 32  # kept at once


@dataclass(frozen=True)
class Kind:
    """A kind of change: the part of a layer that it acts on, its default strength (None: no strength), its effect."""

    name: str
    part: str  # "head" | "attention" | "MLP"
    default: float | None
    highest: float
    help: str


KINDS = {  # name in a link → kind
    "zero": Kind("Head off: zero", "head", None, 0, "The head adds nothing."),
    "mean": Kind("Head off: mean", "head", None, 0, "The head adds its mean, the same vector at every position."),
    "uniform": Kind(
        "Head towards uniform", "head", 0.0, 1.0, "1 is the learned pattern; 0 reads evenly from all earlier tokens."
    ),
    "previous": Kind("Head to previous token", "head", None, 0, "Every token reads only from the token before it."),
    "attn": Kind("Scale attention", "attention", 0.5, 3.0, "Multiply what attention adds to the residual stream."),
    "mlp_zero": Kind("MLP off: zero", "MLP", None, 0, "The MLP adds nothing."),
    "mlp_mean": Kind("MLP off: mean", "MLP", None, 0, "The MLP adds its mean, the same vector at every position."),
    "mlp": Kind("Scale MLP", "MLP", 0.5, 3.0, "Multiply what the MLP adds to the residual stream."),
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
        """The change as a link writes it: `uniform-0-1-0.25` is L0H1 with a quarter of its learned pattern."""
        kind = KINDS[self.kind]
        head = [self.head] * (kind.part == "head")
        return "-".join(map(str, [self.kind, self.layer, *head, *[f"{self.strength:g}"] * (kind.default is not None)]))


def available_kinds(config: "GPTConfig") -> list[str]:
    """Return the kinds of change that this model has parts for."""
    return [name for name, kind in KINDS.items() if config.mlp or kind.part != "MLP"]


def parse_changes(config: "GPTConfig", text: str) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Read a link. Return the changes that this model can make, each once, and the parts that are none."""
    changes: list[Change] = []
    refused: list[str] = []
    for part in text.split("~"):
        change = _parse_change(config, part)
        if change is None or change in changes or len(changes) == MOST_CHANGES:
            refused.append(part)
        else:
            changes.append(change)
    return tuple(changes), tuple(refused)


def _parse_change(config: "GPTConfig", text: str) -> Change | None:
    name, *numbers = text.split("-")
    if name not in available_kinds(config):
        return None
    kind = KINDS[name]
    strength = "0" if kind.default is None or not numbers else numbers.pop()
    if len(numbers) != 1 + (kind.part == "head") or not re.fullmatch(r"[0-9](\.[0-9]{1,20})?", strength):
        return None
    if any(not re.fullmatch("0|[1-9][0-9]{0,3}", number) for number in numbers):
        return None
    layer, head = [*map(int, numbers), 0][:2]
    change = Change(name, layer, head, round(float(strength), 2))
    fits = layer < config.n_layer and head < config.n_head and change.strength <= kind.highest
    return change if fits else None


def build_intervention(config: "GPTConfig", changes: tuple[Change, ...]) -> "Intervention":
    """Combine all changes into hooks for `model.hooks`."""
    from gpt.lens import interventions as lens

    build: dict[str, Callable[[Change], Intervention]] = {
        "zero": lambda c: lens.head_off(c.layer, c.head),
        "mean": lambda c: lens.head_off(c.layer, c.head, "mean"),
        "uniform": lambda c: lens.towards_uniform(
            c.layer, c.head, c.strength, causal=config.causal, window=config.window
        ),
        "previous": lambda c: lens.to_previous_token(c.layer, c.head),
        "attn": lambda c: lens.scaled(c.layer, "attn_out", c.strength),
        "mlp_zero": lambda c: lens.mlp_off(c.layer),
        "mlp_mean": lambda c: lens.mlp_off(c.layer, "mean"),
        "mlp": lambda c: lens.scaled(c.layer, "mlp_out", c.strength),
    }
    return lens.combine(build[change.kind](change) for change in changes)
