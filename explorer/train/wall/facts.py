"""The facts of each run on the wall, read once for all viewers. A part is read again only when its file changes."""

import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from explorer.opened import Identity, Opened
from explorer.people.identity import Person, name_now
from explorer.people.rights import owner_of
from explorer.shared import texts
from explorer.shared.outline import Stamp, stamp
from explorer.train.runs import folders
from explorer.train.runs.panel import sparkline
from explorer.train.timetravel.reel import read_scores
from explorer.train.wall.ranking import Entrant, Measured
from gpt import Run
from gpt.train.estimate import count_parameters
from gpt.train.run import Status
from gpt.train.tail import last_row

PERIOD = 2.0  # seconds between two looks at the runs, for all viewers together
HEAD_TIME = 0.1  # seconds of a look in which heads are scored; the other runs keep what they have
LARGEST = 20_000_000  # parameters of a model whose heads are scored
LONGEST_SAMPLE = 400  # characters
SCORED = ("previous token", "induction", "duplicate token")  # kinds; the first token is where heads rest


class Strongest(NamedTuple):
    """The head of a model with the largest score of all `SCORED` kinds."""

    kind: str
    layer: int
    head: int
    score: float


@dataclass(frozen=True)
class Facts:
    """The facts of a run on the wall."""

    run: Run
    owner: Person
    status: Status
    entrant: Entrant
    curve: tuple[float, ...]  # running mean of the training loss, thinned
    sample: str
    strongest: Strongest | None


class Board:
    """The facts of all runs in a folder, the newest first. All viewers share one board."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked: tuple[Path | None, float] = (None, 0.0)
        self._facts: list[Facts] = []
        self._heads: dict[Path, tuple[Identity, Strongest | None]] = {}

    def read(self, runs: Path) -> list[Facts]:
        """Return the facts, from the last `PERIOD`. A run that cannot be opened is left out.

        While another viewer's look goes on, it returns the facts of the look before.
        """
        is_known = self._looked[0] == runs
        if self._lock.acquire(blocking=not is_known):
            try:
                before, at = self._looked
                if before != runs or time.monotonic() - at >= PERIOD:
                    self._facts = self.look(runs)
                    self._looked = runs, time.monotonic()
            finally:
                self._lock.release()
        return self._facts

    def clear(self) -> None:
        """Look again at the next reading."""
        self._looked = (None, 0.0)

    def look(self, runs: Path) -> list[Facts]:
        """Read what has changed since the last look."""
        opened = [entry.run for entry in folders.list_runs(runs) if entry.run]
        until = time.monotonic() + HEAD_TIME
        samples = [_last_sample(run.folder, stamp(run.folder / "samples.jsonl")) for run in opened]
        facts = [
            _read_facts(run, sample.text, self._strongest_head(run, sample.step, until))
            for run, sample in zip(opened, samples, strict=True)
        ]
        self._heads = {run.folder: self._heads[run.folder] for run in opened if run.folder in self._heads}
        return facts

    def _strongest_head(self, run: Run, step: int | None, until: float) -> Strongest | None:
        """Return the strongest head at the newest snapshot; that of an older one where this look has no time left."""
        known = self._heads.get(run.folder)
        if step is None or not _has_heads(run):
            return None
        opened = Opened.of(run, step)
        if (known is None or known[0] != opened.identity) and time.monotonic() < until:
            known = self._heads[run.folder] = opened.identity, _score_heads(opened)
        return known[1] if known else None


BOARD = Board()


def _has_heads(run: Run) -> bool:
    return run.objective.continues_prompt and run.recipe.model.n_layer > 0 and _parameters(run) <= LARGEST


def _parameters(run: Run) -> int:
    return count_parameters(run.recipe.model, run.objective.kind)


def _score_heads(opened: Opened) -> Strongest | None:
    """Score all heads of a snapshot on the probe set. None where the snapshot or its text cannot be read."""
    try:
        scores = read_scores(opened, texts.probe_text(opened))
    except ValueError:
        return None
    best: Strongest | None = None
    for kind in SCORED:
        values = np.nan_to_num(scores[kind], nan=-np.inf)
        layer, head = (int(index) for index in np.unravel_index(values.argmax(), values.shape))
        if np.isfinite(values[layer, head]) and (best is None or values[layer, head] > best.score):
            best = Strongest(kind, layer, head, float(values[layer, head]))
    return best


def _read_facts(run: Run, sample: str, strongest: Strongest | None) -> Facts:
    status, owner, recipe = run.status, owner_of(run.folder), run.recipe
    per_step = recipe.batch_size * recipe.model.block_size
    curves = _curves(run.folder, per_step, stamp(run.folder / "metrics.jsonl"))
    comparable = bool(run.objective.continues_prompt and run.objective.loss_unit)
    entrant = Entrant(
        name=run.name,
        person=owner.id,
        kind=(recipe.text, recipe.objective, recipe.tokenizer, str(run.tokenizer.vocab_size)) if comparable else (),
        state=status.state,
        parameters=_parameters(run),
        steps=recipe.steps,
        tokens=recipe.steps * per_step,
        measured=curves.measured,
    )
    owner = Person(owner.id, name_now(owner))
    return Facts(run, owner, status, entrant, curves.drawn, sample, strongest)


class _Curves(NamedTuple):
    measured: Measured
    drawn: tuple[float, ...]


@lru_cache(maxsize=folders.MOST)
def _curves(folder: Path, per_step: int, stamp: Stamp) -> _Curves:
    """Read on in the metrics, only when they have changed. per_step: tokens of a batch."""
    numbers = folders.logged(folder)
    steps, losses = numbers.series("val_loss")
    at, elapsed = numbers.series("elapsed")
    seconds = np.interp(steps, at, elapsed) if len(at) else np.zeros(len(steps))
    drawn = tuple(round(loss, 4) for loss in sparkline(numbers.series("train_loss")[1]))
    return _Curves(Measured(steps * per_step, seconds, losses), drawn)


class _Sample(NamedTuple):
    step: int | None  # of the newest snapshot; the trainer writes its sample after its weights
    text: str


@lru_cache(maxsize=folders.MOST)
def _last_sample(folder: Path, stamp: Stamp) -> _Sample:
    row = last_row(folder / "samples.jsonl")
    return _Sample(row.get("step"), str(row.get("text", ""))[:LONGEST_SAMPLE])
