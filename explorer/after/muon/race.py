"""Muon against AdamW: one recipe, equal tokens, each with its own learning rate."""

import numpy as np
import streamlit as st

from explorer.figures import style
from explorer.figures.race import Racer, race_curves
from explorer.lecture.kit.controls import chapter, show_cell
from explorer.lecture.kit.finished import last_loss
from explorer.lecture.kit.training import finished_sentence, grey_unless, logged_or_finished, train_together
from explorer.shared.chart import chart
from gpt import PRESETS, Run
from gpt.train.optim import OPTIMIZERS
from gpt.train.tail import Logged

NAME = "muon"
STEPS, EVERY = 400, 50
EVALUATIONS = STEPS // EVERY + 1
UNITS = ("tokens", "seconds of training")
TOKENS = PRESETS["nanogpt-cpu"].batch_size * PRESETS["nanogpt-cpu"].model.block_size  # of a batch
SHARED = {
    "steps": STEPS, "schedule": "linear", "final_lr": 0.0, "warmup": 20, "eval_every": EVERY, "eval_batches": 40,
    "snapshots": 1,
}  # fmt: skip
RATES = {"adamw": 0.004, "muon": 0.016}  # the best of five each, docs/measurements.md
RECIPES = {
    OPTIMIZERS[name].label: PRESETS["nanogpt-cpu"].changed(
        about=f"nanoGPT's laptop recipe with {OPTIMIZERS[name].label}", optimizer=name, lr=lr, **SHARED
    )
    for name, lr in RATES.items()
}
STEP_TIMES = {"AdamW": 47.5, "Muon": 61.1}  # ms of a step, medians on our machine


@chapter(
    "The race against AdamW",
    "muon",
    "Train both on the same tokens. By how much does Muon win by tokens, and by how much by seconds?",
)
def race() -> None:
    """The losses of both optimizers by tokens, and by seconds of training."""
    recipe = RECIPES["Muon"]
    about = (
        f"nanoGPT's recipe for a laptop with {recipe.steps} steps, twice: about {_seconds_together():.0f} s together. "
        "Each optimizer has the best of five learning rates: " + _rates() + "."
    )
    train_together(NAME, RECIPES, _draw, about=about)
    show_cell("muon/race", OPTIMIZERS["muon"].make, OPTIMIZERS["adamw"].make)


def _rates() -> str:
    return ", ".join(f"{recipe.lr:g} for {label}" for label, recipe in RECIPES.items())


def _seconds_together() -> float:
    return sum(STEP_TIMES.values()) * STEPS / 1000


def _draw(runs: dict[str, Run]) -> None:
    """The losses of both runs, by tokens and by seconds."""
    numbers, saved = logged_or_finished(NAME, runs), []
    wholes = (STEPS * TOKENS, STEPS * STEP_TIMES["Muon"] / 1000)  # the axes are as long from the start
    for column, unit, whole in zip(st.columns(2, gap="medium"), UNITS, wholes, strict=True):
        with column:
            racers = [
                _racer(label, color, numbers.get(label, Logged({})), unit)
                for label, color in zip(RECIPES, (style.SECOND, style.ACCENT), strict=True)
            ]
            end = max([whole, *(x for racer in racers for x in racer.val[0])])
            figure = grey_unless(bool(runs), race_curves(racers, unit=unit, end=end))
            chart(figure, key=f"muon:losses:{unit}", alt=f"Losses by {unit}")
            saved.append(share_needed(*racers))
    by_tokens, by_seconds = saved
    sooner = "" if by_tokens is None else (
        f"Muon reaches AdamW's last loss after {by_tokens:.0%} of the tokens and {by_seconds:.0%} of the seconds. "
    )  # fmt: skip
    reached = ", ".join(f"{label} {last_loss(NAME, label):.2f}" for label in RECIPES)
    ratio = STEP_TIMES["Muon"] / STEP_TIMES["AdamW"]
    st.caption(
        f"{finished_sentence(runs)}{sooner}Our runs ended at {reached} nats a "
        f"character. A Muon step takes {ratio:.2f} times as long on our machine. Its extra work does not grow with the "
        f"batch: {TOKENS:,} tokens here; in large trainings it is hundreds of thousands, and the extra work is below "
        "1%. The seconds leave out the evaluations. Thick: validation loss. Thin: running mean of the training loss."
    )


def share_needed(slow: Racer, quick: Racer) -> float | None:
    """Return the share of the slow run's length after which the quick one has its last validation loss.

    None where one of them has not finished, or the quick one does not reach it.
    """
    (ends, slow_losses), (places, losses) = (np.asarray(racer.val) for racer in (slow, quick))
    if len(ends) < EVALUATIONS or len(places) < EVALUATIONS or losses[-1] > slow_losses[-1]:
        return None
    after = int(np.argmax(losses <= slow_losses[-1]))
    between = slice(max(0, after - 1), after + 1)
    return float(np.interp(-slow_losses[-1], -losses[between], places[between]) / ends[-1])


def _racer(label: str, color: str, numbers: Logged, unit: str) -> Racer:
    def curve(metric: str) -> tuple[np.ndarray, np.ndarray]:
        steps, losses = numbers.series(metric)
        return (steps * TOKENS if unit == UNITS[0] else training_seconds(label, numbers, steps)), losses

    return Racer(label, color, curve("train_loss"), curve("val_loss"))


def training_seconds(label: str, numbers: Logged, steps: np.ndarray) -> np.ndarray:
    """Return the seconds of training until each of these steps, without the evaluations.

    numbers: the metrics of the run. Without its speed, `STEP_TIMES` gives the seconds.
    """
    logged, speeds = numbers.series("tokens_per_s")
    if not len(logged):
        return steps * STEP_TIMES[label] / 1000
    return np.interp(steps, logged, np.cumsum(np.diff(logged, prepend=0) * TOKENS / speeds))
