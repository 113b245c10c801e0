"""Explain why a training ended, and what to do."""

import errno
import math
from typing import Any

import torch

from gpt.train.objectives import Objective
from gpt.train.run import Run

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the person's quota, the largest file allowed


class TrainingFailed(RuntimeError):
    """A loss, gradient, metric or logit is not finite."""


def is_full(error: Exception) -> bool:
    """Return whether the disk was full."""
    return isinstance(error, OSError) and error.errno in FULL


def reason(run: Run, error: Exception) -> str:
    """Say why the training of this run ended, for its status."""
    steps = run.steps
    if is_full(error):
        snapshots = f"the snapshots up to step {steps[-1]} are intact" if steps else "no snapshot was taken yet"
        return f"the disk is full, or a quota reached ({error}); {snapshots}; free some space, then resume"
    return str(error)


def good_snapshots(run: Run, objective: Objective[Any], device: torch.device) -> str:
    """Say which snapshots of a run that diverged are good: finite, and not worse than before the first step."""
    logged = {row["step"]: _finite(objective.quality(row)) for row in run.metrics()}
    untrained = logged.get(run.began_at, -math.inf)
    for step in reversed(run.steps):
        if step == run.began_at or _quality_at(run, step, objective, device) >= untrained:
            later = "" if step == run.steps[-1] else "; later ones are worse than the model before training"
            return f"the last good snapshot is that of step {step}{later}"
    return "none of its snapshots is as good as the model before training"


def _quality_at(run: Run, step: int, objective: Objective[Any], device: torch.device) -> float:
    """Return the quality of a snapshot; NaN where its numbers are not finite."""
    try:
        return _finite(objective.quality(objective.evaluate(run.model(step).to(device).train())))
    except ValueError:
        return math.nan


def _finite(quality: float) -> float:
    return quality if math.isfinite(quality) else math.nan
