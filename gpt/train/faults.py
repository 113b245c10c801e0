"""Why a training ended, in words that say what to do."""

import errno
import math
import re
from collections.abc import Mapping

import torch
from safetensors import SafetensorError

from gpt.train.objectives import Objective
from gpt.train.run import Run

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the person's quota, the largest file allowed


class TrainingFailed(RuntimeError):
    """The loss is no number any more."""


def is_full(error: Exception) -> bool:
    """Whether there was no room to write. safetensors gives the system's number in its message alone."""
    if isinstance(error, SafetensorError):
        number = re.search(r"os error (\d+)", str(error))
        return bool(number) and int(number[1]) in FULL
    return isinstance(error, OSError) and error.errno in FULL


def reason(run: Run, error: Exception) -> str:
    """What to tell a person whose training of this run ended with this error."""
    steps = run.steps
    if is_full(error):
        kept = f"the snapshots up to step {steps[-1]} are intact" if steps else "no snapshot was taken yet"
        return f"the disk is full, or a quota reached ({error}); {kept}; free some space, then resume"
    return str(error)


def good_snapshots(run: Run, objective: Objective, device: torch.device) -> str:
    """Which snapshots of a run that diverged are good: their numbers are finite, and not worse than before its first step."""
    measured = {row["step"]: quality_of(row) for row in run.metrics()}
    untrained = measured.get(run.began_at, -math.inf)
    for step in reversed(run.steps):
        if step == run.began_at or _quality_at(run, step, objective, device) >= untrained:
            later = "" if step == run.steps[-1] else "; later ones are worse than the model before training"
            return f"the last good snapshot is that of step {step}{later}"
    return "none of its snapshots is as good as the model before training"


def quality_of(measured: Mapping[str, float]) -> float:
    """One number to compare models of a run by, the larger the better: −`val_loss`, or the reward where there is no loss."""
    quality = -measured["val_loss"] if "val_loss" in measured else measured.get("reward", math.nan)
    return quality if math.isfinite(quality) else math.nan


def _quality_at(run: Run, step: int, objective: Objective, device: torch.device) -> float:
    """NaN where its numbers are not finite."""
    try:
        return quality_of(objective.evaluate(run.model(step).to(device).train()))
    except ValueError:
        return math.nan
