"""Which runs keep the task, and how they rank. Pure: numbers in, a ranking out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np

Compare = Literal["equal", "tokens", "lowest"]
COMPARED: dict[Compare, str] = {
    "equal": "at equal tokens",
    "tokens": "at a number of tokens",
    "lowest": "by the lowest loss",
}
LONGEST_WORDS = 300  # characters of the task
MOST = 10**12
LIVE = ("queued", "running", "paused")
GIVEN_UP = ("stopped", "failed", "interrupted")


def _limit(label: str, help: str = "") -> Any:
    return field(default=0, metadata={"label": label, "help": help})


@dataclass(frozen=True)
class Task:
    """What a teacher asks a class for. A limit of 0 is no limit. Raises ValueError for a value that is not possible."""

    words: str = ""
    minutes: float = field(default=0.0)  # of training; what a run learns later does not count
    parameters: int = _limit("Parameters, at most")
    steps: int = _limit("Steps, at most")
    tokens: int = _limit("Tokens, at most", "Steps × batch size × context.")
    compare: Compare = "equal"
    after: int = _limit(
        "Compared after", "Tokens, if the runs are ranked at a number of tokens."
    )  # for compare = "tokens"

    def __post_init__(self) -> None:
        if not isinstance(self.words, str) or len(self.words) > LONGEST_WORDS:
            raise ValueError(f"the task has too many words; use at most {LONGEST_WORDS} characters")
        if self.compare not in COMPARED:
            raise ValueError(f"runs cannot be compared by {self.compare!r}; choose one of {', '.join(COMPARED)}")
        for each in fields(self):
            value = getattr(self, each.name)
            if each.metadata and (type(value) is not int or not 0 <= value <= MOST):
                raise ValueError(f"the task's {each.name} are {value!r}; give a whole number from 0, which is no limit")
        if type(self.minutes) not in (int, float) or not 0 <= self.minutes <= 10_000:
            raise ValueError(f"the task has {self.minutes!r} minutes; give 0, which is no limit, to 10,000")
        if self.compare == "tokens" and not self.after:
            raise ValueError("give the number of tokens at which the runs are compared")

    @property
    def limits(self) -> str:
        """The limits in words; "" where there is none."""
        parts = [f"{self.minutes:g} minutes of training"] if self.minutes else []
        for name in ("parameters", "steps", "tokens"):
            if getattr(self, name):
                parts.append(f"{getattr(self, name):,} {name}")
        return f"at most {', '.join(parts)}" if parts else ""


@dataclass(frozen=True)
class Measured:
    """The validation losses of a run: tokens read, seconds of training and losses, (n,) each, ascending."""

    tokens: np.ndarray
    seconds: np.ndarray
    losses: np.ndarray

    def within(self, seconds: float) -> "Measured":
        """Return what was measured in these seconds of training."""
        counts = self.seconds <= seconds
        return Measured(self.tokens[counts], self.seconds[counts], self.losses[counts])

    @property
    def last(self) -> float:
        """The tokens at the last measurement; 0 before the first."""
        return float(self.tokens[-1]) if len(self.tokens) else 0.0

    def loss_after(self, tokens: float) -> float | None:
        """Return the loss after this many tokens, on a straight line between two measurements; None if not reached."""
        if not len(self.tokens) or not self.tokens[0] <= tokens <= self.last:
            return None
        return float(np.interp(tokens, self.tokens, self.losses))


@dataclass(frozen=True)
class Entrant:
    """What the ranking needs of a run."""

    name: str  # of the run
    person: str  # whose it is; "" for a run that nobody owns
    kind: tuple[str, ...]  # runs of one kind have losses that can be compared: one text, tokenizer and objective
    state: str
    parameters: int
    steps: int  # planned
    tokens: int  # planned
    measured: Measured


@dataclass(frozen=True)
class Ranking:
    """The ranked runs: name → loss, the best first; for every other run why it has no rank."""

    losses: dict[str, float]
    reasons: dict[str, str]
    after: float | None = None  # tokens at which the losses are compared; None: each at its lowest


def broken_limit(task: Task, run: Entrant) -> str:
    """Return which limit of the task a run does not keep, in words; "" if it keeps the task."""
    for name in ("parameters", "steps", "tokens"):
        value, most = getattr(run, name), getattr(task, name)
        if most and value > most:
            return f"{value:,} {name}; the task allows {most:,}"
    return ""


def pick_one_each(task: Task, runs: Sequence[Entrant]) -> list[Entrant]:
    """Return one run of each person, and every run that nobody owns. runs: the newest first.

    It is the newest that trains or waits; else the one with the lowest loss that keeps the task; else the newest.
    """
    chosen: dict[str, Entrant] = {}

    def order(run: Entrant) -> tuple[bool, float]:
        loss = _lowest(_counted(task, run))
        return run.state not in LIVE, 0.0 if run.state in LIVE else np.inf if broken_limit(task, run) else loss

    for run in runs:
        key = run.person or f"run:{run.name}"
        if key not in chosen or order(run) < order(chosen[key]):
            chosen[key] = run
    return list(chosen.values())


def rank_runs(task: Task, runs: Sequence[Entrant]) -> Ranking:
    """Rank the runs that keep the task, by their losses after as many tokens, or by their lowest.

    "equal": after the most tokens that each of them has reached; a run that has given up does not hold the others
    back. Only runs of one kind are ranked: the most frequent, of those as frequent the first.
    """
    kinds = Counter(run.kind for run in runs if run.kind)
    kind = kinds.most_common(1)[0][0] if kinds else ()
    reasons, keeping = {}, {}
    for run in runs:
        measured = _counted(task, run)
        if not run.kind or run.kind != kind:
            reasons[run.name] = "another text, tokenizer or objective than most runs"
        elif broken := broken_limit(task, run):
            reasons[run.name] = broken
        elif not measured.last:
            reasons[run.name] = "no validation loss after its first step yet"
        else:
            keeping[run.name] = run, measured
    after = _compared_after(task, list(keeping.values()))
    losses = {}
    for name, (_, measured) in keeping.items():
        loss = _lowest(measured) if after is None else measured.loss_after(after)
        if loss is None:
            reasons[name] = f"no loss after {after:,.0f} tokens"
        else:
            losses[name] = loss
    return Ranking(dict(sorted(losses.items(), key=lambda each: each[1])), reasons, after)


def _compared_after(task: Task, keeping: Sequence[tuple[Entrant, Measured]]) -> float | None:
    """Return the tokens after which runs are compared; None if each counts with its lowest loss."""
    if task.compare == "lowest" or not keeping:
        return None
    if task.compare == "tokens":
        return float(task.after)
    going_on = [measured.last for run, measured in keeping if run.state not in GIVEN_UP]
    return min(going_on or [measured.last for _, measured in keeping])


def _counted(task: Task, run: Entrant) -> Measured:
    return run.measured.within(60 * task.minutes) if task.minutes else run.measured


def _lowest(measured: Measured) -> float:
    return float(measured.losses.min()) if len(measured.losses) else float("inf")
