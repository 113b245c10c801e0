"""A recipe: all settings of a training run, as one value."""

import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

import numpy as np

from gpt.model.config import GPTConfig
from gpt.text.sums import CHECKS
from gpt.train.files import MAX_INT
from gpt.train.objectives import OBJECTIVES
from gpt.train.optim import OPTIMIZERS

Schedule = Literal["constant", "cosine", "linear"]
Precision = Literal["float32", "bfloat16"]
SnapshotType = Literal["float32", "float16"]


@dataclass(frozen=True)
class Recipe:
    """The model, the text and the training settings. Raises ValueError with the field, its value and what to do."""

    about: str = ""  # one line for people
    model: GPTConfig = field(default_factory=GPTConfig)  # a new run sets vocab_size to its tokenizer's
    text: str = "tinyshakespeare"  # a corpus's name, or a path
    objective: str = "language"  # a key of OBJECTIVES
    tokenizer: str = "char"  # "char", or "bpe-N": N tokens trained on the text
    steps: int = 2000
    batch_size: int = 32
    optimizer: str = "adamw"  # a key of OPTIMIZERS
    lr: float = 1e-3
    embed_lr: float = 1.0  # times lr: of what Muon leaves to AdamW, which is embeddings, unembedding and vectors
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
    start: str = ""  # name of the run with the first weights, in the same folder or shipped
    reward: str = ""  # name of the reward model's run, for PPO, in the same folder or shipped
    check: str = "sum"  # what GRPO rewards, a key of CHECKS
    kl_weight: float = 0.0  # β of PPO, DPO and GRPO: the price of a nat of distance from `start`
    updates: int = 1  # steps taken on a batch before the next is drawn

    def __post_init__(self) -> None:
        kinds = dict.fromkeys(("about", "text", "tokenizer", "start", "reward"), str) | {"model": GPTConfig}
        for name, kind in kinds.items():
            remedy = "give a string" if kind is str else "give a GPTConfig"
            self._check(name, isinstance(getattr(self, name), kind), remedy)
        self._check_numbers()
        for name, names in (
            ("objective", tuple(OBJECTIVES)),
            ("check", tuple(CHECKS)),
            ("optimizer", tuple(OPTIMIZERS)),
            ("schedule", get_args(Schedule)),
            ("precision", get_args(Precision)),
            ("snapshot_type", get_args(SnapshotType)),
        ):
            self._check(name, getattr(self, name) in names, f"choose one of {', '.join(names)}")
        self._check_frozen_models()
        kind, _, size = self.tokenizer.partition("-")
        is_known = self.tokenizer == "char" or (kind == "bpe" and size.isdecimal())
        self._check("tokenizer", is_known, "give 'char', or 'bpe-512' for 512 tokens")

    def _check_numbers(self) -> None:
        for name in ("steps", "batch_size", "eval_every", "eval_batches", "log_every", "snapshots", "updates"):
            self._check(name, self._is_within(name, 1, MAX_INT, int), "give a whole number of at least 1")
        for name in ("warmup", "seed"):
            self._check(name, self._is_within(name, 0, MAX_INT, int), "give a whole number from 0 to 2⁵³ − 1")
        self._check("lr", self._is_within("lr", 0, 10) and self.lr > 0, "give a learning rate above 0; 0.001 is usual")
        factor = self._is_within("embed_lr", 0, 1000) and self.embed_lr > 0
        self._check("embed_lr", factor, "give a number above 0, up to 1000; 1 is the learning rate itself")
        clips = self.grad_clip is None or self._is_within("grad_clip", 1e-9, 1e9)
        self._check("grad_clip", clips, "give a norm above 0, or None for no clipping")
        for name in ("final_lr", "weight_decay", "beta2"):
            self._check(name, self._is_within(name, 0, 1), "give a number from 0 to 1")
        self._check("beta2", self.beta2 < 1, "give a number from 0 up to, not including, 1")
        self._check("kl_weight", self._is_within("kl_weight", 0, 1000), "give a number from 0 to 1000")

    def _check_frozen_models(self) -> None:
        for name, role in (("start", "reference"), ("reward", "reward")):
            value, is_needed = getattr(self, name), role in OBJECTIVES[self.objective].frozen
            is_name = re.fullmatch(r"[A-Za-z0-9_-]*", value) is not None
            self._check(name, is_name, "give a run's name: letters from a to z, digits, - and _")
            self._check(
                name, bool(value) or not is_needed, f"the objective {self.objective!r} needs the name of such a run"
            )

    def _is_within(self, name: str, low: float, high: float, kind: Any = int | float) -> bool:
        value = getattr(self, name)
        return isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high

    def _check(self, name: str, good: bool, remedy: str) -> None:
        if not good:
            raise ValueError(f"Recipe.{name}={getattr(self, name)!r} does not work: {remedy}")

    def changed(self, **changes: Any) -> "Recipe":
        """Return this recipe with other values of its own fields, or of its model's.

        rope_scaling may be a JSON object. Raises ValueError on a field of neither.
        """
        own, models = ({f.name for f in fields(kind)} for kind in (Recipe, GPTConfig))
        unknown = sorted(set(changes) - own - models)
        if unknown:
            raise ValueError(f"neither Recipe nor GPTConfig has a field {', '.join(map(repr, unknown))}")
        model = changes.pop("model", self.model)
        switches = {name: changes.pop(name) for name in models & set(changes)}
        return replace(self, model=GPTConfig.from_dict(model.to_dict() | switches), **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as a JSON object."""
        return asdict(self) | {"model": self.model.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Build from a JSON object. Raises ValueError on a field that Recipe or GPTConfig does not have."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"Recipe has no field {', '.join(map(repr, unknown))}; it has {', '.join(sorted(known))}")
        arguments: dict[str, Any] = values | {"model": GPTConfig.from_dict(values.get("model", {}))}
        return cls(**arguments)


def snapshot_steps(steps: int, count: int) -> list[int]:
    """Return about `count` steps from 0 to `steps`, ascending, with both ends; for a `count` of 1 only the last.

    The first half is log-spaced up to a quarter of the way, the rest is even: most changes happen early.
    """
    if count == 1:
        return [steps]
    count = min(count, steps + 1)
    first, quarter, half = max(1, steps // 500), steps / 4, count // 2
    early = np.geomspace(first, max(first, quarter), half)
    late = np.linspace(quarter, steps, count - half)
    return sorted({0, steps, *(round(step) for step in (*early, *late))})
