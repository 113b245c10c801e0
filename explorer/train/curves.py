"""What a run has logged, as curves, against what is known without training it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from explorer.figures.curves import Branch, Level, loss_curves
from explorer.figures.outcomes import outcomes
from explorer.shared import loading, texts, widgets
from explorer.shared.chart import chart
from explorer.train.runs.folders import logged, ref_of
from gpt import PRESETS, Run
from gpt.train.presets import PUBLISHED, Published
from gpt.train.tail import LARGEST, Logged

REDRAW = 2.0  # seconds of training between two drawings of a live run's curves, which cost the browser more than all else here
EARNINGS = {
    "reward": "reward model's number",
    "preference": "stated preference, 0 to 4",
    "kl": "KL from the reference, nats an answer",
    "entropy": "entropy, nats a token",
}  # what a policy's rows have → title
CHAPTERS = {
    "language": "0:34:53",
    "translation": "1:42:39",
}  # objective → where it stands in the lecture; the others' is one
PAIRED = ("reward", "dpo")  # objectives whose loss is of a pair of answers
SHAKESPEARES = ("tinyshakespeare", "tinyshakespeare-original")


def series(rows: Sequence[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """The steps at which a quantity was logged, and its values there; what is no number, or larger than any is, is left out."""
    pairs = [(row["step"], row[name]) for row in rows if name in row]
    good = [(step, value) for step, value in pairs if isinstance(value, int | float) and abs(value) <= LARGEST]
    return [float(step) for step, _ in good], [float(value) for _, value in good]


def drawn(run: Run) -> Logged:
    """The logged numbers that are drawn: while it trains, without its present `REDRAW` seconds, so that curves stay for so long."""
    numbers = logged(run.folder)
    steps, elapsed = numbers.series("elapsed")
    if run.status.state != "running" or not len(elapsed):
        return numbers
    return numbers.before(steps[np.flatnonzero(elapsed // REDRAW == elapsed[-1] // REDRAW)[0]])


def curves(run: Run) -> None:
    """A run's losses, against those that are known without training it; of a policy, what it earns and how far it has gone."""
    if run.recipe.objective == "ppo":
        return _earnings(run)
    numbers = drawn(run)
    published = published_for(run)
    figure = loss_curves(
        numbers.series("train_loss"),
        numbers.series("val_loss"),
        steps=run.recipe.steps,
        levels=_levels(run, published),
        parent=_parent(run),
        unit="pair" if run.recipe.objective in PAIRED else "token",
    )
    alt = f"Training and validation loss of {run.label} over its steps"
    chart(figure, key="loss", alt=alt)
    if run.parent:
        st.caption(lineage(run))
    told = f", and what the {published.who} reaches with this model" if published else ""
    counted = " and of the counted bigram" if run.recipe.objective == "language" else ""
    widgets.caption(
        f"The loss falls as the model learns; dashed: the loss of a model that knows nothing{counted}{told}.",
        published.chapter if published else CHAPTERS.get(run.recipe.objective, "1:48:53"),
    )


def _earnings(run: Run) -> None:
    numbers = drawn(run)
    quantities = {title: {run.label: numbers.series(name)} for name, title in EARNINGS.items()}
    chart(outcomes(quantities, steps=run.recipe.steps), key="loss", alt=f"What {run.label} earns over its steps")
    if run.parent:
        st.caption(lineage(run))
    told = "Measured with answers to held-out questions. PPO's own loss says nothing about quality, so it is not drawn."
    widgets.caption(told, "1:48:53")


def _levels(run: Run, published: Published | None) -> list[Level]:
    if run.recipe.objective in PAIRED:
        return [Level("knows nothing: ln 2 =", math.log(2))]
    levels = [Level(f"knows nothing: ln {run.tokenizer.vocab_size} =", math.log(run.tokenizer.vocab_size))]
    counted = texts.counted_bigram_loss(ref_of(run)) if run.recipe.objective == "language" else None
    if counted is not None:
        levels.append(Level("counted bigram", counted))
    if published:
        levels.append(Level(published.who, published.loss))
    return levels


def _parent(run: Run) -> Branch | None:
    """The curve of the run that this one was forked from, where that is still there; a stage's parent had another loss."""
    ref = parent_ref(run)
    if ref is None or run.parent.stage:
        return None
    with widgets.guarded():
        parent = loading.load_run(ref)
        steps, losses = logged(parent.folder).series("train_loss")
        return Branch(parent.label, run.parent.step, steps, losses)
    return None


def parent_ref(run: Run) -> str | None:
    """The reference of the run that this one was forked from: the person's own before what ships; None where it is gone."""
    models = loading.models() if run.parent else ()
    return next((ref for ref in (f"runs/{run.parent.run}", run.parent.run) if ref in models), None) if models else None


def lineage(run: Run) -> str:
    """Markdown: where a fork or a stage comes from, and what was changed in it."""
    changed = ", ".join(f"{name} = {value}" for name, value in run.parent.changed.items())
    gone = "" if parent_ref(run) else " (gone since)"
    return (
        f"{'Begun with' if run.parent.stage else 'Forked from'} **{widgets.plain(run.parent.run)}**{gone} at step {run.parent.step:,}; "
        f"changed: {widgets.plain(changed, longest=300) or 'nothing'}."
    )


def published_for(run: Run) -> Published | None:
    """What was published for this model on this text, or None. Tied weights and some biases do not matter."""
    model = run.recipe.model
    if run.recipe.text not in SHAKESPEARES or run.recipe.tokenizer != "char":
        return None
    free = {name: getattr(model, name) for name in ("vocab_size", "qkv_bias", "unembed_bias", "tie_weights")}
    same = (name for name in PUBLISHED if replace(PRESETS[name].model, **free) == model)
    return next((PUBLISHED[name] for name in same), None)
