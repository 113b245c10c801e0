"""`--tensorboard`: the events hold the rows of metrics.jsonl, also after a run was resumed."""

import struct
import sys
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event

from gpt import load_run
from gpt.train import __main__ as command


def read_events(file: Path) -> list[Event]:
    """The events of a file. A record has its length (8 bytes), a checksum (4), the event, and a checksum (4)."""
    data, events, place = file.read_bytes(), [], 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        events.append(Event.FromString(data[place + 12 : place + 12 + length]))
        place += 12 + length + 4
    return events


def scalars(folder: Path) -> dict[tuple[str, int], float]:
    files = sorted((folder / "tensorboard").iterdir())
    values = [
        (value.tag, event.step, value.simple_value)
        for file in files for event in read_events(file) for value in event.summary.value
        if value.HasField("simple_value")
    ]  # fmt: skip
    return {(tag, step): value for tag, step, value in values}


def train(monkeypatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["gpt.train", *map(str, arguments), "--tensorboard"])
    assert command.main() == 0


def test_the_events_are_the_rows_of_the_metrics(new_run, monkeypatch):
    run = new_run()
    train(monkeypatch, "--resume", run.folder)
    written = scalars(run.folder)
    rows = load_run(run.folder).metrics()
    names = {metric.name for metric in run.objective.metrics}
    expected = {(name, row["step"]): row[name] for row in rows for name in names & row.keys()}
    assert {"train_loss", "val_loss"} <= {tag for tag, _ in expected}
    assert written == {key: pytest.approx(value, rel=1e-6) for key, value in expected.items()}
