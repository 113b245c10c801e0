"""The logged numbers of a run as curves, with losses to compare them with."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.curves import Branch, Level, loss_curves
from explorer.figures.outcomes import outcomes
from explorer.opened import Opened, open_run, references
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.train.runs.folders import logged
from gpt import PRESETS, Run
from gpt.train.presets import PUBLISHED, Published
from gpt.train.tail import LARGEST, Logged

REDRAW = (
    2.0  # seconds of training between two drawings of a live run's curves, the slowest part of the page in the browser
)
EARNINGS = {
    "reward": "reward model's number",
    "preference": "stated preference, 0 to 4",
    "kl": "KL from the reference, nats an answer",
    "entropy": "entropy, nats a token",
}  # logged metric of a policy → title
CHAPTERS = {
    "language": "0:34:53",
    "translation": "1:42:39",
}  # objective → its place in the lecture; 1:48:53 for the others
PAIRED = ("reward", "dpo")  # objectives whose loss is per pair of answers
SHAKESPEARES = ("tinyshakespeare", "tinyshakespeare-original")


def series(rows: Sequence[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """Return the steps at which a metric was logged, and its values. Values that are no finite number are left out."""
    pairs = [(row["step"], row[name]) for row in rows if name in row]
    valid = [(step, value) for step, value in pairs if isinstance(value, int | float) and abs(value) <= LARGEST]
    return [float(step) for step, _ in valid], [float(value) for _, value in valid]


def drawn_metrics(run: Run) -> Logged:
    """Return the logged numbers to draw. While the run trains, they change only every `REDRAW` seconds."""
    numbers = logged(run.folder)
    steps, elapsed = numbers.series("elapsed")
    if run.status.state != "running" or not len(elapsed):
        return numbers
    return numbers.before(float(steps[np.flatnonzero(elapsed // REDRAW == elapsed[-1] // REDRAW)[0]]))


def draw_curves(run: Run) -> None:
    """Draw a run's losses and the losses to compare with; of a policy (PPO), draw its rewards and its distance instead."""
    if run.recipe.objective == "ppo":
        return _draw_earnings(run)
    numbers = drawn_metrics(run)
    published = published_for(run)
    figure = loss_curves(
        numbers.series("train_loss"),
        numbers.series("val_loss"),
        steps=run.recipe.steps,
        levels=_levels(run, published),
        parent=_parent(run),
        unit="pair" if run.recipe.objective in PAIRED else "token",
    )
    chart(figure, key="loss", alt=f"Training and validation loss of {run.label} over its steps")
    _draw_lineage(run)
    counted = ", a counted bigram" if run.recipe.objective == "language" else ""
    result = f", the result of the {published.who}" if published else ""
    widgets.caption(
        f"The loss falls as the model learns. Dashed lines: a uniform guess{counted}{result}.",
        published.chapter if published else CHAPTERS.get(run.recipe.objective, "1:48:53"),
    )


def _draw_earnings(run: Run) -> None:
    numbers = drawn_metrics(run)
    quantities = {title: {run.label: numbers.series(name)} for name, title in EARNINGS.items()}
    chart(outcomes(quantities, steps=run.recipe.steps), key="loss", alt=f"What {run.label} earns over its steps")
    _draw_lineage(run)
    sentence = (
        "Measured on answers to validation questions. PPO's own loss does not measure quality, so it is not drawn."
    )
    widgets.caption(sentence, "1:48:53")


def _levels(run: Run, published: Published | None) -> list[Level]:
    if run.recipe.objective in PAIRED:
        return [Level("uniform guess: ln 2 =", math.log(2))]
    levels = [Level(f"uniform guess: ln {run.tokenizer.vocab_size} =", math.log(run.tokenizer.vocab_size))]
    counted = texts.counted_bigram_loss(Opened.of(run)) if run.recipe.objective == "language" else None
    if counted is not None:
        levels.append(Level("counted bigram", counted))
    if published:
        levels.append(Level(published.who, published.loss))
    return levels


def _parent(run: Run) -> Branch | None:
    """Return the curve of the run that this one was forked from, if it still exists. A stage's parent has another loss."""
    ref = parent_ref(run)
    if ref is None or run.parent is None or run.parent.stage:
        return None
    with widgets.guarded():
        parent = open_run(ref)
        steps, losses = logged(parent.folder).series("train_loss")
        return Branch(parent.label, run.parent.step, steps, losses)
    return None


def parent_ref(run: Run) -> str | None:
    """Return the reference of this run's parent: one of the person's runs, else a shipped one; None if it is gone."""
    if not run.parent:
        return None
    models = references()
    return next((ref for ref in (f"runs/{run.parent.run}", run.parent.run) if ref in models), None)


def _draw_lineage(run: Run) -> None:
    """Draw a line that names the parent of a fork or a stage, and the changes."""
    if not run.parent:
        return
    verb = "Started from" if run.parent.stage else "Forked from"
    deleted = "" if parent_ref(run) else " (deleted)"
    changes = ", ".join(f"{name} = {value}" for name, value in run.parent.changed.items())
    st.caption(
        f"{verb} **{widgets.plain(run.parent.run)}**{deleted} at step {run.parent.step:,}; "
        f"changes: {widgets.plain(changes, longest=300) or 'none'}."
    )


def published_for(run: Run) -> Published | None:
    """Return the published result of this model on this text, or None. Tied weights and some biases may differ."""
    model = run.recipe.model
    if run.recipe.text not in SHAKESPEARES or run.recipe.tokenizer != "char":
        return None
    free = {name: getattr(model, name) for name in ("vocab_size", "qkv_bias", "unembed_bias", "tie_weights")}
    same = (name for name in PUBLISHED if replace(PRESETS[name].model, **free) == model)
    return next((PUBLISHED[name] for name in same), None)
