"""The logged numbers of a run as curves, with losses to compare them with."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from explorer.figures.curves import Branch, Level, loss_curves
from explorer.figures.outcomes import outcomes
from explorer.opened import OWN, Opened, open_run, references
from explorer.shared import texts, widgets
from explorer.shared.chart import chart
from explorer.train.runs.folders import logged
from gpt import PRESETS, Run
from gpt.train.objectives import OPTIMIZATION, Metric, Objective
from gpt.train.presets import PUBLISHED, Published
from gpt.train.tail import Logged

REDRAW = 2.0  # seconds of training between two drawings of a live run's curves, which are slow in the browser
LOSSES = ("train_loss", "val_loss")
SHAKESPEARES = ("tinyshakespeare", "tinyshakespeare-original")


def drawn_metrics(run: Run) -> Logged:
    """Return the logged numbers to draw. While the run trains, they change only every `REDRAW` seconds."""
    numbers = logged(run.folder)
    steps, elapsed = numbers.series("elapsed")
    if run.status.state != "running" or not len(elapsed):
        return numbers
    return numbers.before(float(steps[np.flatnonzero(elapsed // REDRAW == elapsed[-1] // REDRAW)[0]]))


def draw_curves(run: Run) -> None:
    """Draw a run's losses and the levels to compare with, or the metrics where the loss does not measure quality."""
    objective = run.objective
    published = published_for(run)
    if objective.loss_unit:
        _draw_losses(run, published)
        counted = ", a counted bigram" if objective.compares_with_bigram else ""
        result = f", the result of the {published.who}" if published else ""
        sentence = f"The loss falls as the model learns. Dashed lines: a uniform guess{counted}{result}."
    else:
        _draw_metrics(run, shown_metrics(run.objective), key="loss")
        sentence = "Measured on answers to validation questions. The loss does not measure quality, so it is not drawn."
    _draw_lineage(run)
    widgets.caption(sentence, published.chapter if published else objective.chapter)


def shown_metrics(objective: type[Objective]) -> list[Metric]:
    """Return the metrics that `draw_curves` draws: the losses if they measure quality, else the measurements."""
    metrics = [metric for metric in objective.metrics if metric not in OPTIMIZATION]
    return [metric for metric in metrics if metric.name in LOSSES or not objective.loss_unit]


def folded_metrics(objective: type[Objective]) -> list[Metric]:
    """Return the other metrics of an objective."""
    shown = shown_metrics(objective)
    return [metric for metric in objective.metrics if metric not in shown]


def draw_more_metrics(run: Run) -> None:
    """Draw the other metrics in a fold. A closed fold draws nothing."""
    fold = st.expander("More metrics", key=f"metrics:{run.name}", on_change="rerun")
    if fold.open:
        with fold:
            _draw_metrics(run, folded_metrics(run.objective), key="metrics")


def _draw_metrics(run: Run, metrics: Sequence[Metric], key: str) -> None:
    numbers = drawn_metrics(run)
    curves = {metric.title: {run.label: numbers.series(metric.name)} for metric in metrics}
    alt = f"{', '.join(metric.label for metric in metrics)} of {run.label} over its steps"
    chart(outcomes(curves, steps=run.recipe.steps), key=key, alt=alt)


def _draw_losses(run: Run, published: Published | None) -> None:
    numbers = drawn_metrics(run)
    train, val = (numbers.series(name) for name in LOSSES)
    unit, levels = run.objective.loss_unit, _levels(run, published)
    figure = loss_curves(train, val, steps=run.recipe.steps, levels=levels, parent=_parent(run), unit=unit)
    chart(figure, key="loss", alt=f"Training and validation loss of {run.label} over its steps")


def _levels(run: Run, published: Published | None) -> list[Level]:
    objective = run.objective
    choices = objective.n_choices(run.tokenizer.vocab_size)
    levels = [Level(f"uniform guess: ln {choices} =", math.log(choices))]
    counted = texts.counted_bigram_loss(Opened.of(run)) if objective.compares_with_bigram else None
    if counted is not None:
        levels.append(Level("counted bigram", counted))
    if published:
        levels.append(Level(published.who, published.loss))
    return levels


def _parent(run: Run) -> Branch | None:
    """Return the curve of the run that this one was forked from, if it exists. A stage's parent has another loss."""
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
    return next((ref for ref in (f"{OWN}{run.parent.run}", run.parent.run) if ref in models), None)


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
