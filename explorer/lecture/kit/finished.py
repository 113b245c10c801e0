"""Finished curves of the trainings on the lecture's pages. The pages draw them grey until the person trains.

`python -m explorer.lecture.kit.finished` trains all of them, in about ten minutes, and writes assets/finished.json and
the weights in assets/finished.safetensors. With names of trainings behind it, only these are trained:
`python -m explorer.lecture.kit.finished muon rotary`.
"""

import json
import sys
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from explorer.opened import ROOT
from gpt.train.tail import Logged

if TYPE_CHECKING:
    from torch import Tensor

    from gpt import Corpus, Recipe, Run

FILE = ROOT / "assets" / "finished.json"
WEIGHTS = FILE.with_suffix(".safetensors")  # half precision: "head/one head/embed.weight"
MOST = 60  # points of a curve; of the bigram every batch, since a page shows their noise
LEFT_OUT = {"step", "elapsed", "lr", "grad_norm", "tokens_per_s"}


def finished(name: str) -> dict[str, Logged]:
    """Return the finished curves of a training: label → metrics; empty where none ship. name: see `train_together`."""
    return {
        label: Logged({metric: (np.array(x, float), np.array(y, float)) for metric, (x, y) in metrics.items()})
        for label, metrics in _read().get(name, {}).items()
    }


def last_loss(name: str, label: str) -> float:
    """Return the last validation loss of a finished run."""
    return float(finished(name)[label].series("val_loss")[1][-1])


@cache
def finished_weights(name: str, label: str) -> "dict[str, Tensor]":
    """Return the weights of a finished run that ship: name of the parameter → tensor; empty where none do."""
    from safetensors.torch import load_file

    start, tensors = f"{name}/{label}/", load_file(WEIGHTS) if WEIGHTS.exists() else {}
    return {key.removeprefix(start): tensor.float() for key, tensor in tensors.items() if key.startswith(start)}


@cache
def _read() -> dict[str, dict[str, dict[str, list]]]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def _trainings() -> "Iterator[tuple[str, dict[str, Recipe], Corpus | None]]":
    """Name, recipes and text of every training on a page that starts without one."""
    from explorer.after.grpo import training as grpo
    from explorer.after.muon import race as muon
    from explorer.after.rotary import training as rotary
    from explorer.lecture import norms, positions
    from explorer.lecture.bigram import panel as bigram
    from explorer.lecture.block import parts, residuals
    from explorer.lecture.chat import asking, stages
    from explorer.lecture.head import panel as head
    from explorer.lecture.mask import decoders
    from explorer.lecture.rewards import panel as rewards
    from explorer.lecture.scaled import panel as scaled
    from explorer.lecture.scaling import panel as scaling
    from explorer.lecture.translate import halves

    yield bigram.NAME, {bigram.LABEL: bigram.RECIPE}, None
    yield head.NAME, {head.LABEL: head.RECIPE}, None
    yield decoders.NAME, decoders.RECIPES, None
    yield positions.NAME, positions.RECIPES, None
    yield norms.NAME, norms.RECIPES, None
    for depth in residuals.BLOCKS.options or ():
        yield f"depth-{depth}", residuals.recipes(depth), None
    yield scaling.NAME, scaling.recipes(), scaling.short_text()
    for rung in parts.RUNGS:
        yield f"rung-{rung}", parts.pair(rung), None
    for size in scaled.SIZES:
        yield f"twins-{size}", scaled.recipes(size), None
    yield halves.NAME, {halves.LABEL: halves.RECIPE}, None
    yield "finetune", stages.FINETUNE, None
    yield "reward", rewards.REWARDS, None
    yield asking.LEASH, rewards.POLICIES, None
    yield rotary.NAME, rotary.RECIPES, None
    yield grpo.NAME, grpo.RECIPES, None
    yield muon.NAME, muon.RECIPES, None


def _curves(run: "Run", most: int) -> dict[str, list]:
    """The logged metrics, thinned: name → steps and values."""
    from explorer.figures.curves import running_mean
    from explorer.train.runs.folders import logged

    curves = {}
    for metric, (steps, values) in logged(run.folder).columns.items():
        if metric not in LEFT_OUT and len(steps):
            mean = running_mean(values) if metric == "train_loss" and most < len(values) else values
            some = np.unique(np.linspace(0, len(steps) - 1, min(most, len(steps))).astype(int))
            curves[metric] = [np.asarray(steps)[some].astype(int).tolist(), np.round(mean[some], 4).tolist()]
    return curves


def _measured(name: str, run: "Run") -> dict[str, list]:
    """What a page measures on the trained model, besides its curves: name → places and values."""
    from explorer.lecture.block import residuals
    from explorer.lecture.kit.training import trained_model, validation_rows
    from explorer.lecture.scaled import panel as scaled
    from gpt.lens.learning import attention_statistics, gradient_norms

    if name.startswith("depth"):
        norms = gradient_norms(trained_model(run), validation_rows(run.recipe, residuals.ROWS)).tolist()
        return {"gradients": [list(range(len(norms))), [float(f"{norm:.4g}") for norm in norms]]}
    if name.startswith("twins"):
        measured = attention_statistics(trained_model(run), validation_rows(run.recipe, scaled.ROWS))
        return {quantity: [[run.recipe.model.n_embd], [getattr(measured, quantity)]] for quantity in scaled.QUANTITIES}
    return {}


def _kept_weights(name: str, label: str, run: "Run") -> "dict[str, Tensor]":
    """The weights that a page shows, in half precision: the model of one head, and the learned positions."""
    from explorer.lecture.kit.training import trained_model

    if (name, label) not in {("head", "one head"), ("positions", "learned")}:
        return {}
    tensors = trained_model(run).state_dict()
    kept = tensors if name == "head" else {"pos_embed": tensors["pos_embed"]}
    return {f"{name}/{label}/{key}": tensor.half().contiguous() for key, tensor in kept.items()}


def train_all(names: Collection[str] = ()) -> None:
    """Train everything, or the trainings with these names, and write the files."""
    import torch
    from safetensors.torch import load_file, save_file

    from explorer.figures.export import file_name
    from gpt import create_run
    from gpt.train.loop import train

    results = dict(_read()) if names else {}
    weights = load_file(WEIGHTS) if names and WEIGHTS.exists() else {}
    with TemporaryDirectory() as folder:
        for name, recipes, corpus in _trainings():
            if names and name not in names:
                continue
            results[name] = {}
            for label, recipe in recipes.items():
                run = create_run(Path(folder) / file_name("lecture", name, label).lower(), recipe, corpus)
                train(run, torch.device("cpu"))
                most = 10_000 if name == "bigram" else MOST
                curves = {} if name.startswith("depth") else _curves(run, most)  # its page draws no losses
                results[name][label] = curves | _measured(name, run)
                weights |= _kept_weights(name, label, run)
            print(name, *results[name], sep=" · ", flush=True)
    FILE.write_text(json.dumps(results, separators=(",", ":")) + "\n", encoding="utf-8")
    save_file(weights, WEIGHTS)


if __name__ == "__main__":
    train_all(sys.argv[1:])
