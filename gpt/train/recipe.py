"""A recipe: everything that a training run depends on, as one value."""

import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

import numpy as np

from gpt.model.config import GPTConfig, ObjectiveName

Optimizer = Literal["adamw", "muon"]
Schedule = Literal["constant", "cosine", "linear"]
Precision = Literal["float32", "bfloat16"]
SnapshotType = Literal["float32", "float16"]
MAX_INT = 2**53 - 1  # up to which every reader of JSON knows whole numbers exactly


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, and how. Raises ValueError naming the field, its value and the remedy."""

    about: str = ""  # one line for people
    model: GPTConfig = field(default_factory=GPTConfig)  # vocab_size becomes the tokenizer's when a run is made
    text: str = "tinyshakespeare"  # a corpus's name, or a path
    objective: ObjectiveName = "language"
    tokenizer: str = "char"  # "char", or "bpe-N": N tokens trained on the text
    steps: int = 2000
    batch_size: int = 32
    optimizer: Optimizer = "adamw"
    lr: float = 1e-3
    schedule: Schedule = "constant"
    warmup: int = 0  # steps
    final_lr: float = 0.1  # share of lr that cosine and linear end at
    weight_decay: float = 0.01
    beta2: float = 0.999
    grad_clip: float | None = None  # largest gradient norm
    precision: Precision = "float32"
    eval_every: int = 500  # steps
    eval_batches: int = 200
    log_every: int = 10  # steps
    snapshots: int = 24
    snapshot_type: SnapshotType = "float32"
    seed: int = 1337
    start: str = ""  # the run whose weights it begins with, beside it or among those that ship
    reward: str = ""  # the reward model of "ppo", found likewise
    kl_weight: float = 0.0  # β of "ppo" and "dpo": what a nat of distance from `start` costs
    updates: int = 1  # steps taken on a batch before the next is drawn

    def __post_init__(self) -> None:
        for name in ("about", "text", "tokenizer", "start", "reward"):
            self._check(name, isinstance(getattr(self, name), str), "give a string")
        self._check("model", isinstance(self.model, GPTConfig), "give a GPTConfig")
        for name in ("steps", "batch_size", "eval_every", "eval_batches", "log_every", "snapshots", "updates"):
            self._check(name, self._is_within(name, 1, MAX_INT, int), "give a whole number of at least 1")
        for name in ("warmup", "seed"):
            self._check(name, self._is_within(name, 0, MAX_INT, int), "give a whole number from 0 to 2⁵³ − 1")
        self._check("lr", self._is_within("lr", 0, 10) and self.lr > 0, "give a learning rate above 0; 0.001 is usual")
        unclipped = self.grad_clip is None
        self._check(
            "grad_clip",
            unclipped or self._is_within("grad_clip", 1e-9, 1e9),
            "give a norm above 0, or None for no clipping",
        )
        for name in ("final_lr", "weight_decay", "beta2"):
            self._check(name, self._is_within(name, 0, 1), "give a number from 0 to 1")
        self._check("beta2", self.beta2 < 1, "give a number from 0 up to, not including, 1")
        for name, kind in (
            ("objective", ObjectiveName),
            ("optimizer", Optimizer),
            ("schedule", Schedule),
            ("precision", Precision),
            ("snapshot_type", SnapshotType),
        ):
            self._check(name, getattr(self, name) in get_args(kind), f"choose one of {', '.join(get_args(kind))}")
        self._check("kl_weight", self._is_within("kl_weight", 0, 1000), "give a number from 0 to 1000")
        self._check_leaned_on()
        kind, _, size = self.tokenizer.partition("-")
        self._check(
            "tokenizer",
            self.tokenizer == "char" or (kind == "bpe" and size.isdecimal()),
            "give 'char', or 'bpe-512' for 512 tokens",
        )

    def _check_leaned_on(self) -> None:
        needed = {"start": self.objective in ("ppo", "dpo"), "reward": self.objective == "ppo"}
        for name, is_needed in needed.items():
            value = getattr(self, name)
            self._check(
                name, re.fullmatch(r"[A-Za-z0-9_-]*", value), "give a run's name: letters from a to z, digits, - and _"
            )
            self._check(name, value or not is_needed, f"the objective {self.objective!r} needs the name of such a run")

    def _is_within(self, name: str, low: float, high: float, kind: Any = int | float) -> bool:
        value = getattr(self, name)
        return isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high

    def _check(self, name: str, good: bool, remedy: str) -> None:
        if not good:
            raise ValueError(f"Recipe.{name}={getattr(self, name)!r} does not work: {remedy}")

    def changed(self, **changes: Any) -> "Recipe":
        """This recipe with other values of its own fields, or of its model's. Raises ValueError on a field of neither."""
        own, models = ({f.name for f in fields(kind)} for kind in (Recipe, GPTConfig))
        unknown = sorted(set(changes) - own - models)
        if unknown:
            raise ValueError(f"neither Recipe nor GPTConfig has a field {', '.join(map(repr, unknown))}")
        model = replace(changes.pop("model", self.model), **{name: changes.pop(name) for name in models & set(changes)})
        return replace(self, model=model, **changes)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Build from a JSON object. Raises ValueError on a field that Recipe or GPTConfig does not have."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"Recipe has no field {', '.join(map(repr, unknown))}; it has {', '.join(sorted(known))}")
        return cls(**{**values, "model": GPTConfig.from_dict(values.get("model", {}))})


def snapshot_steps(steps: int, count: int) -> list[int]:
    """About `count` steps from 0 to `steps`, ascending, each once, both ends among them; a `count` of 1 is the last alone.

    Up to a quarter of the way they are log-spaced, from there on even: a film that is slow where most happens.
    """
    if count == 1:
        return [steps]
    count = min(count, steps + 1)
    first, quarter, half = max(1, steps // 500), steps / 4, count // 2
    early = np.geomspace(first, max(first, quarter), half)
    late = np.linspace(quarter, steps, count - half)
    return sorted({0, steps, *(round(step) for step in (*early, *late))})
