"""The logged rows of a run as TensorBoard events, for people who read their curves there."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from tensorboardX import SummaryWriter

from gpt.train.run import Run

FOLDER = "tensorboard"  # in the run folder


@contextmanager
def event_log(run: Run) -> Generator[Callable[[dict[str, Any]], None]]:
    """Open an event file in the run folder, and give the function that writes a row of metrics.jsonl into it.

    Each metric is a scalar by step; the recipe is a text. A resumed run adds a file, and TensorBoard hides the rows
    that the run has gone back over.
    """
    writer = SummaryWriter(str(run.folder / FOLDER), purge_step=run.status.step)
    writer.add_text("recipe", f"```json\n{json.dumps(run.recipe.to_dict(), indent=1)}\n```", 0)

    def write(row: dict[str, Any]) -> None:
        for metric in run.objective.metrics:
            if metric.name in row:
                writer.add_scalar(metric.name, row[metric.name], row["step"])

    try:
        yield write
    finally:
        writer.close()
