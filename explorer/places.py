"""Where models are on the disk."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "assets" / "models"
RUNS_VARIABLE = "ATTENTION_EXPLORER_RUNS"


def runs_folder() -> Path:
    """Where the person's runs are: `$ATTENTION_EXPLORER_RUNS`, or `runs/` in the repository."""
    return Path(os.environ.get(RUNS_VARIABLE) or ROOT / "runs")
