"""Why a training ended, in words that say what to do."""

import errno
import re

from safetensors import SafetensorError

from gpt.train.run import Run

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the person's quota, the largest file allowed


class TrainingFailed(RuntimeError):
    """The loss is no number any more; snapshots taken before are good."""


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
    if isinstance(error, TrainingFailed) and steps:
        return f"{error}; the last good snapshot is that of step {steps[-1]}"
    return str(error)
