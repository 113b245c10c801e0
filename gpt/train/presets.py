"""Recipes: everything that a training run depends on, as one value; and those that have a name.

Sizes and rates of the rungs are the lecture's, those of `nanogpt-cpu` nanoGPT's (config/train_shakespeare_char.py and its README).
"""

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


_TINY = GPTConfig(
    block_size=8,
    n_layer=1,
    n_head=1,
    n_embd=32,
    activation="relu",
    norm="none",
    residual=False,
    projection=False,
    mlp=False,
    qkv_bias=False,
    unembed_bias=True,
)
_RUNG_5 = replace(_TINY, n_layer=3, n_head=4, mlp=True, residual=True, projection=True)
_RUNG_7 = replace(_RUNG_5, norm="pre", block_size=256, n_layer=6, n_head=6, n_embd=384, dropout=0.2)
_NANOGPT = GPTConfig(block_size=64, n_layer=4, n_head=4, n_embd=128, bias=False)

GROUPS: dict[str, dict[str, Recipe]] = {}  # what the presets are for → name → recipe

GROUPS["The lecture's ladder"] = {
    "rung-1": Recipe("Bigram table: the next character from the present one", replace(_TINY, n_layer=0), lr=1e-2, steps=3000),
    "rung-2": Recipe("One head of self-attention, with positions", _TINY, steps=5000),
    "rung-3": Recipe("Four heads of size 8", replace(_TINY, n_head=4), steps=5000),
    "rung-4": Recipe("… and a feedforward layer", replace(_TINY, n_head=4, mlp=True), steps=5000),
    "rung-5": Recipe("Three blocks with residual connections", _RUNG_5, steps=5000),
    "rung-6": Recipe("… and layernorm", replace(_RUNG_5, norm="pre"), steps=5000),
    "rung-7": Recipe("Scaled up: 10.8 million parameters, for a GPU", _RUNG_7, batch_size=64, lr=3e-4, steps=5000),
}  # fmt: skip

GROUPS["nanoGPT"] = {
    "nanogpt-cpu": Recipe(
        "nanoGPT's recipe for a laptop", replace(_NANOGPT, tie_weights=True), steps=2000, batch_size=12, schedule="cosine", warmup=100,
        weight_decay=0.1, beta2=0.99, grad_clip=1.0, eval_every=250,
    ),
    "fast-1.88": Recipe(
        "nanoGPT's sizes, and its loss in 560 steps", replace(_NANOGPT, activation="relu"), steps=560, batch_size=12,
        optimizer="muon", lr=1e-2, schedule="linear", final_lr=0.0, warmup=20, weight_decay=0.1, beta2=0.99, grad_clip=1.0, eval_every=280,
    ),
}  # fmt: skip

GROUPS["Shakespeare"] = {
    "shakespeare-char": Recipe(
        "The model that ships: characters, 4 layers of 6 heads", replace(_NANOGPT, block_size=256, n_head=6, n_embd=192, activation="relu"),
        steps=2000, batch_size=16, optimizer="muon", lr=6e-3, schedule="linear", final_lr=0.0, warmup=50, weight_decay=0.1, beta2=0.99,
        grad_clip=1.0, precision="bfloat16", eval_every=250, eval_batches=50, snapshots=1, snapshot_type="float16",
    ),
    "shakespeare-bigram": Recipe(
        "Its bigram: rung 1 as it ships", replace(_TINY, n_layer=0), lr=1e-2, steps=3000, snapshots=12, snapshot_type="float16",
    ),
}  # fmt: skip

GROUPS["Tasks"] = {
    "induction": Recipe(
        "Two attention-only layers that learn to copy what came after the same letter before",
        GPTConfig(block_size=64, n_layer=2, n_head=4, n_embd=48, bias=False, mlp=False), text="repeats", steps=4000, lr=5e-4,
        schedule="linear", warmup=50, grad_clip=1.0, eval_every=100, eval_batches=20, snapshots=40, snapshot_type="float16",
    ),
    "translate": Recipe(
        "An encoder-decoder that turns dates in words into digits", GPTConfig(block_size=40, n_layer=1, n_head=4, n_embd=64, dropout=0.1),
        text="dates", objective="translation", steps=1000, batch_size=64, lr=3e-3, schedule="linear", final_lr=0.0, warmup=50,
        grad_clip=1.0, eval_every=50, eval_batches=20, snapshots=10, snapshot_type="float16",
    ),
}  # fmt: skip

# Recipes for a lesson: a curve that falls while one watches, on one core of a laptop.
GROUPS["Small and quick"] = {
    "quick": Recipe(
        "A small GPT, for a lesson", replace(_NANOGPT, n_layer=2, n_embd=64),
        steps=1000, batch_size=16, optimizer="muon", lr=2e-2, schedule="linear", final_lr=0.0, warmup=20, weight_decay=0.1, beta2=0.99,
        grad_clip=1.0, eval_every=50, eval_batches=20, log_every=5, snapshots=30,
    ),
}  # fmt: skip

# The stages of ChatGPT in miniature, lecture 1:48:53: each begins with what the one before it has left.
_PRETRAINED = GROUPS["Shakespeare"]["shakespeare-char"]
_STAGE = replace(
    _PRETRAINED, text="dialogues", start="chat-finetune", optimizer="adamw", precision="float32", snapshots=1
)

GROUPS["Chat stages"] = {
    "chat-finetune": replace(
        _STAGE, about="Finetuned to answer questions, on demonstrations", objective="finetune", start="shakespeare-char",
        steps=200, batch_size=16, lr=1e-3, warmup=10, eval_every=10, eval_batches=15, log_every=2,
    ),
    "chat-reward": replace(
        _STAGE, about="A reward model: which of two answers is preferred", objective="reward", model=replace(_STAGE.model, n_layer=2),
        steps=80, batch_size=16, lr=5e-4, warmup=5, eval_every=5, log_every=1,
    ),
    "chat-policy": replace(
        _STAGE, about="A policy that earns rewards, on a leash (PPO)", objective="ppo", reward="chat-reward", kl_weight=0.2, updates=4,
        steps=80, batch_size=64, lr=1.5e-4, warmup=4, final_lr=0.1, eval_every=4, eval_batches=15, log_every=1,
    ),
    "chat-dpo": replace(
        _STAGE, about="The same from the pairs alone (DPO)", objective="dpo", kl_weight=0.1, steps=40, batch_size=16, lr=1e-4, warmup=5,
        eval_every=5, eval_batches=15, log_every=1,
    ),
}  # fmt: skip

PRESETS: dict[str, Recipe] = {name: recipe for presets in GROUPS.values() for name, recipe in presets.items()}


@dataclass(frozen=True)
class Published:
    """A validation loss that was published for a recipe on Tiny Shakespeare, in nats a character, and where it is shown."""

    loss: float
    chapter: str  # of the lecture, h:mm:ss
    who: str = "lecture"


PUBLISHED: dict[str, Published] = {
    "rung-1": Published(2.5, "0:34:53"),
    "rung-2": Published(2.4, "1:19:11"),
    "rung-3": Published(2.28, "1:21:59"),
    "rung-4": Published(2.24, "1:24:25"),
    "rung-5": Published(2.08, "1:26:48"),
    "rung-6": Published(2.06, "1:32:51"),
    "rung-7": Published(1.48, "1:37:49"),
    "nanogpt-cpu": Published(1.88, "1:46:22", "nanoGPT"),
}
