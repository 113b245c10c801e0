"""The app's Plotly figures in a notebook: the logit lens, the residual stream, and the curves of a run."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from explorer.explore.logits.table import COLORS, table_figure
from explorer.explore.residual.figures import stream_norms
from explorer.figures.curves import Level, loss_curves
from explorer.figures.export import on_ground
from explorer.figures.outcomes import outcomes
from explorer.figures.tokens import labels
from explorer.notebook.subject import Source, open_run, open_subject
from explorer.shared.cache import with_arrays

if TYPE_CHECKING:
    from gpt import Run
    from gpt.text.tokenizer import Tokenizer


def show_logit_lens(
    source: Source,
    prompt: str | None = None,
    *,
    color: str = "probability",
    tokenizer: "Tokenizer | None" = None,
    step: int | None = None,
    dark: bool = False,
) -> go.Figure:
    """Return the likeliest next token at every position and point of the residual stream, as a table.

    source, prompt, tokenizer, step: as `show_attention` takes them. color: what colours the cells: "probability",
    "entropy", "KL" or "rank". dark: for a dark notebook. Raises ValueError where the model has no residual stream.
    """
    import torch

    from gpt.lens.logits import logit_lens

    if color not in COLORS:
        raise ValueError(f"color={color!r} is not known; choose one of {', '.join(COLORS)}")
    subject = open_subject(source, tokenizer, step)
    reading = subject.read(prompt)
    lens, T = with_arrays(logit_lens(subject.model, torch.tensor(reading.ids))), len(reading.ids)
    cell, rows = (len(lens.points) - 1, T - 1), slice(0, T)
    names = labels(reading.tokens)
    figure = table_figure(lens, subject.tokenizer, names, color=color, cell=cell, rows=rows, dark=dark)
    return on_ground(figure, dark=dark)


def show_residual(
    source: Source,
    prompt: str | None = None,
    *,
    tokenizer: "Tokenizer | None" = None,
    step: int | None = None,
    position: int = -1,
    dark: bool = False,
) -> go.Figure:
    """Return the norm of the residual stream from the embedding to the last layer.

    position: the token whose line is strong; negative counts from the end. Other arguments: see `show_logit_lens`.
    """
    import torch

    from gpt.lens.residual import residual_path

    subject = open_subject(source, tokenizer, step)
    reading = subject.read(prompt)
    T = len(reading.ids)
    if not -T <= position < T:
        raise ValueError(f"position {position} is not among {T} tokens")
    path = residual_path(subject.model, torch.tensor(reading.ids))
    figure = stream_norms(path.points, path.norms.numpy(), labels(reading.tokens), position % T)
    return on_ground(figure, dark=dark)


def show_curves(source: "str | Path | Run", *, dark: bool = False) -> go.Figure:
    """Return a run's losses over its steps, or what it measures where the loss does not measure quality.

    source: the folder or the name of a run. dark: for a dark notebook. Raises ValueError where it is no run.
    """
    from gpt.train.tail import Tail

    run = open_run(source)
    numbers, objective = Tail(run.folder / "metrics.jsonl").read(), run.objective
    if objective.loss_unit:
        guess = objective.n_choices(run.tokenizer.vocab_size)
        levels = [Level(f"uniform guess: ln {guess} =", math.log(guess))]
        train, val = (numbers.series(name) for name in ("train_loss", "val_loss"))
        figure = loss_curves(train, val, steps=run.recipe.steps, levels=levels, unit=objective.loss_unit)
    else:
        curves = {metric.title: {run.label: numbers.series(metric.name)} for metric in objective.metrics}
        figure = outcomes(curves, steps=run.recipe.steps)
    return on_ground(figure, dark=dark)
