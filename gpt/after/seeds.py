"""One recipe, many seeds: the step at which a head is born, heads matched across seeds, and how many seeds are enough.

`python -m gpt.after.seeds` trains all seeds, in about three minutes, and writes assets/seeds.json.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
from torch import Tensor

from gpt.lens.heads import THRESHOLD, head_scores, pattern_shift, probe_set
from gpt.lens.history import frame
from gpt.model.gpt import GPT
from gpt.text.tasks import repeated_sequence
from gpt.train.create import create_run
from gpt.train.files import write_text
from gpt.train.loop import train
from gpt.train.presets import PRESETS
from gpt.train.run import Run

FILE = Path(__file__).resolve().parents[2] / "assets" / "seeds.json"
RECIPE = PRESETS["induction"].changed(
    about="Two layers that learn to copy, quickly", steps=1000, batch_size=16, lr=2e-3, snapshots=80, eval_every=25,
    eval_batches=5,
)  # fmt: skip
SEEDS = range(1, 11)
PROMPT = repeated_sequence(8, seed=1)
MOST_HEADS = 8  # that are matched by trying all orders
SCALE = 1000  # the file has scores and weights in thousandths


@dataclass(frozen=True)
class Measured:
    """What a seed became."""

    seed: int
    evaluated: list[int]  # steps with a validation loss
    losses: list[float]  # there, in nats per token
    steps: list[int]  # S steps with a snapshot
    induction: Tensor  # (S, n_layer, n_head), the induction score of each head
    patterns: Tensor  # (n_layer, n_head, T, T), of the newest snapshot on `PROMPT`


def birth(steps: Sequence[int], scores: Tensor, threshold: float = THRESHOLD) -> float | None:
    """Return the step at which the best head reaches the threshold, between two snapshots in proportion; None if none.

    steps: S steps, ascending; scores: (S, n_layer, n_head). Source: Olsson et al. 2022, arXiv:2209.11895.

    >>> birth([0, 100, 200], torch.tensor([0.0, 0.2, 0.6])[:, None, None])
    150.0
    """
    best = scores.flatten(1).amax(1)
    reached = (best >= threshold).nonzero()
    if not len(reached):
        return None
    i = int(reached[0])
    before = max(i - 1, 0)
    share = (threshold - best[before]) / (best[i] - best[before]) if i else torch.zeros(())
    return round(steps[before] + float(share) * (steps[i] - steps[before]), 1)


def head_distances(one: Tensor, other: Tensor) -> Tensor:
    """Return how differently each head of one layer and each of another read the same tokens, (n_head, n_head).

    one, other: (n_head, T, T). A distance is the share of attention that reads from other tokens, 0 to 1, the mean over
    the queries.
    """
    return pattern_shift(one[:, None], other[None])


def match_heads(distances: Tensor) -> tuple[int, ...]:
    """Return the partner of each head, each used once, so that the sum of the distances is smallest.

    distances: (n_head, n_head). All orders are tried. Raises ValueError for more than `MOST_HEADS` heads.

    >>> match_heads(torch.tensor([[0.9, 0.1], [0.2, 0.8]]))
    (1, 0)
    """
    if len(distances) > MOST_HEADS:
        raise ValueError(f"{len(distances)} heads have too many orders to try; give at most {MOST_HEADS}")
    rows = cast(list[list[float]], distances.tolist())
    orders = permutations(range(len(rows)))
    return min(orders, key=lambda order: sum(row[partner] for row, partner in zip(rows, order, strict=True)))


def seeds_needed(difference: float, spread: float) -> int:
    """Return how many seeds of each of two recipes show their difference: it is twice its standard error.

    difference: of the mean losses; spread: the standard deviation of the seeds of one recipe. The difference of two
    means of n seeds has the standard error spread · √(2 / n). Raises ValueError for a difference of 0.

    >>> seeds_needed(0.01, spread=0.02)
    32
    """
    if difference == 0:
        raise ValueError("difference is 0: no number of seeds shows it; give another difference")
    return math.ceil(round(8 * (spread / difference) ** 2, 6))


def measure(run: Run) -> Measured:
    """Return the validation losses of a run of `RECIPE`, the scores of its snapshots, and its last patterns."""
    rows = [row for row in run.metrics() if "val_loss" in row]
    probes = probe_set(run.tokenizer, run.recipe.model.block_size)
    models = (cast(GPT, run.model(step)) for step in run.steps)
    induction = torch.stack([head_scores(model, probes)["induction"] for model in models])
    patterns = frame(cast(GPT, run.model()), torch.tensor(run.tokenizer.encode(PROMPT))).patterns
    evaluated, losses = [row["step"] for row in rows], [row["val_loss"] for row in rows]
    return Measured(run.recipe.seed, evaluated, losses, run.steps, induction, patterns)


def shipped_seeds(file: Path = FILE) -> list[Measured]:
    """Return the seeds that ship, in the order of their numbers."""
    return [_from_json(values) for values in json.loads(file.read_text(encoding="utf-8"))]


def train_seeds() -> None:
    """Train all seeds and write the file."""
    results: list[dict[str, Any]] = []
    for seed in SEEDS:
        with TemporaryDirectory() as folder:
            run = create_run(Path(folder) / "run", RECIPE.changed(seed=seed))
            train(run, torch.device("cpu"))
            measured = measure(run)
        print(f"seed {seed} · loss {measured.losses[-1]:.3f} · born at {birth(measured.steps, measured.induction)}")
        results.append(_to_json(measured))
    write_text(FILE, json.dumps(results, separators=(",", ":")) + "\n")


def _to_json(measured: Measured) -> dict[str, Any]:
    tensors = {name: getattr(measured, name) for name in ("induction", "patterns")}
    whole = {name: (SCALE * tensor).round().int().tolist() for name, tensor in tensors.items()}
    return vars(measured) | {"losses": [round(loss, 4) for loss in measured.losses]} | whole


def _from_json(values: dict[str, Any]) -> Measured:
    tensors: dict[str, Any] = {name: torch.tensor(values[name]) / SCALE for name in ("induction", "patterns")}
    return Measured(**values | tensors)


if __name__ == "__main__":
    train_seeds()
