"""Where models are on the disk, and whether this server may write there."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "assets" / "models"
RUNS_VARIABLE = "ATTENTION_EXPLORER_RUNS"
CLUSTER_VARIABLE = "ATTENTION_EXPLORER_CLUSTER"  # settings of a cluster; without them, runs train on this machine
READ_ONLY_VARIABLE = "ATTENTION_EXPLORER_READ_ONLY"  # set to 1, nobody writes into the runs folder
READ_ONLY = (
    "This server only shows. To train, run it on your own machine: `pip install .` in its folder, then "
    "`attention-explorer`."
)


def runs_folder() -> Path:
    """Where the person's runs are: `$ATTENTION_EXPLORER_RUNS`, or `runs/` in the repository."""
    return Path(os.environ.get(RUNS_VARIABLE) or ROOT / "runs")


def is_read_only() -> bool:
    """Whether this server only shows: nobody may train, import, delete, or write into the runs folder."""
    return os.environ.get(READ_ONLY_VARIABLE) == "1"


def check_writable() -> None:
    """Raise ValueError on a server that only shows. Every function that writes into the runs folder calls it."""
    if is_read_only():
        raise ValueError(READ_ONLY)
