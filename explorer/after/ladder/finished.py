"""The finished trainings of the rungs after the lecture: every rung with the same seeds.

`python -m explorer.after.ladder.finished` trains what is missing in assets/ladder.json, one run after the other, in
about 20 seconds each, and adds each result at once. So it can be stopped and started again.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from explorer.opened import ROOT

if TYPE_CHECKING:
    from torch import Tensor

    from gpt import GPT, Recipe, Run

FILE = ROOT / "assets" / "ladder.json"
SEEDS = (0, 1, 2, 3, 4)  # of the first weights and the batches: run i of two rungs reads the same text
EXPERTS = "experts"  # the key of the table below
TABLE_TOKENS = 100_000  # of validation text
LAST_BATCHES = 300  # of validation text, for the last loss; the points of a curve have fewer


@dataclass(frozen=True)
class Trained:
    """One rung, trained with n seeds."""

    parameters: int
    active: int  # the parameters that one token uses: fewer in a mixture of experts
    tokens: int  # read in training
    seeds: tuple[int, ...]
    steps: np.ndarray  # (points,)
    curves: np.ndarray  # (n, points), validation losses in nats per character
    losses: np.ndarray  # (n,), after the last step, on more batches than a point of the curves
    seconds: np.ndarray  # (n,), of training on one core that other work shared


def read_ladder() -> dict[str, Trained]:
    """Return preset → its finished runs, in the order of the ladder; a rung without a finished run is left out."""
    return {name: _trained(rung) for name, rung in _read().items() if name != EXPERTS and rung["runs"]}


def read_experts() -> tuple[str, np.ndarray]:
    """Return the characters, and which share of each goes to which expert: (n_layer, characters, experts).

    Of the last rung's first seed, on validation text. Empty, (0, 0, 0), where it is not trained yet.
    """
    table = _read().get(EXPERTS, {"characters": "", "shares": np.zeros((0, 0, 0))})
    return table["characters"], np.array(table["shares"], float)


def _trained(rung: dict[str, Any]) -> Trained:
    seeds = sorted(map(int, rung["runs"]))
    runs = [rung["runs"][str(seed)] for seed in seeds]
    curves, losses, seconds = (np.array([run[name] for run in runs]) for name in ("curve", "loss", "seconds"))
    parameters, active, tokens = rung["parameters"], rung["active"], rung["tokens"]
    return Trained(parameters, active, tokens, tuple(seeds), np.array(rung["steps"]), curves, losses, seconds)


@cache
def _read() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def train_ladder(file: Path = FILE) -> None:
    """Train every rung with every seed that the file lacks, and write the file after each run."""
    from gpt.train.files import write_json
    from gpt.train.ladder import build_ladder

    ladder = build_ladder()
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for seed in SEEDS:  # all rungs of a seed first: what is there can be compared
        for name, recipe in ladder.items():
            if str(seed) in results.get(name, {}).get("runs", {}):
                continue
            with TemporaryDirectory() as folder:
                run = _train(Path(folder) / name, recipe.changed(seed=seed))
                results.setdefault(name, _describe(run) | {"runs": {}})["runs"][str(seed)] = _measure(run)
                if run.recipe.model.experts > 1 and seed == SEEDS[0]:
                    results[EXPERTS] = _expert_table(run)
            write_json(file, results)
            print(name, "· seed", seed, "·", results[name]["runs"][str(seed)]["loss"], flush=True)


def _train(folder: Path, recipe: "Recipe") -> "Run":
    import torch

    from gpt import create_run
    from gpt.train.loop import train

    torch.set_num_threads(1)
    run = create_run(folder, recipe.changed(snapshots=1, snapshot_type="float32", log_every=recipe.eval_every))
    train(run, torch.device("cpu"))
    return run


def _describe(run: "Run") -> dict[str, Any]:
    from gpt.train.estimate import count_active, count_parameters

    config = run.recipe.model
    return {
        "parameters": count_parameters(config), "active": count_active(config),
        "tokens": run.recipe.steps * run.recipe.batch_size * config.block_size,
        "steps": [row["step"] for row in run.metrics() if "val_loss" in row],
    }  # fmt: skip


def _measure(run: "Run") -> dict[str, Any]:
    """The curve of a run, its last loss, and its seconds."""
    from gpt.train.objectives.language import estimate_loss

    rows = [row for row in run.metrics() if "val_loss" in row]
    recipe = run.recipe.changed(eval_batches=LAST_BATCHES)
    loss = estimate_loss(_model(run), _validation_ids(run), recipe)
    curve = [round(row["val_loss"], 4) for row in rows]
    return {"loss": round(loss, 4), "curve": curve, "seconds": round(rows[-1]["elapsed"], 1)}


def _model(run: "Run") -> "GPT":
    return cast("GPT", run.model())


def _validation_ids(run: "Run") -> "Tensor":
    from gpt.text.batches import split_ids

    return split_ids(run.tokenizer.encode(run.corpus().text))[1]


def _expert_table(run: "Run") -> dict[str, Any]:
    """Which share of each character of the validation text goes to which expert, layer by layer."""
    from gpt.after.ladder import expert_shares

    shares = expert_shares(_model(run), _validation_ids(run)[:TABLE_TOKENS])
    characters = [run.tokenizer.decode([token]) for token in range(run.tokenizer.vocab_size)]
    seen = [token for token in range(len(characters)) if not shares[0, token, 0].isnan()]
    rows = np.round(shares[:, seen].numpy(), 3).tolist()
    return {"characters": "".join(characters[token] for token in seen), "shares": rows}


if __name__ == "__main__":
    train_ladder()
