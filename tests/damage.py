"""Ways in which a run folder can be damaged or made to do harm: name → what is done to the folder.

The folder is a trained run with a text of its own. `OUTSIDE` names what a link leads to, beside the folder.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Damage = Callable[[Path], None]
OUTSIDE = "outside"
GIANT = 10**9


def in_recipe(**values: Any) -> Damage:
    """Other values in config.json's recipe, or in its model."""

    def damage(folder: Path) -> None:
        file = folder / "config.json"
        config = json.loads(file.read_text(encoding="utf-8"))
        for name, value in values.items():
            (config["recipe"] if name in config["recipe"] else config["recipe"]["model"])[name] = value
        file.write_text(json.dumps(config), encoding="utf-8")

    return damage


def holding(part: str, content: bytes) -> Damage:
    """A file with this content in the place of a part."""
    return lambda folder: removed(folder / part).write_bytes(content)


def pipe(part: str) -> Damage:
    """A named pipe, whose reader waits for ever."""
    return lambda folder: os.mkfifo(removed(folder / part))


def sparse(part: str, size: int) -> Damage:
    """A file of this size that takes no room on disk."""

    def damage(folder: Path) -> None:
        with removed(folder / part).open("wb") as file:
            file.truncate(size)

    return damage


def link(part: str) -> Damage:
    """A link to a copy of the part, or to an empty file, outside the folder."""

    def damage(folder: Path) -> None:
        place, outside = folder / part, folder.parent / OUTSIDE
        outside.mkdir()
        target = outside / place.name
        if place.exists():
            place.rename(target)
        else:
            target.touch()
        place.symlink_to(target)

    return damage


def folder_as(part: str) -> Damage:
    """A folder in the place of a file."""
    return lambda folder: removed(folder / part).mkdir()


def removed(path: Path) -> Path:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return path


def newest(folder: Path) -> Path:
    return sorted((folder / "snapshots").iterdir())[-1]


def truncated(folder: Path) -> None:
    file = newest(folder)
    file.write_bytes(file.read_bytes()[:-100])


def of_a_later_step(folder: Path) -> None:
    newest(folder).rename(folder / "snapshots" / "50000000.safetensors")


def on_newest(damage: Callable[[str], Damage]) -> Damage:
    """Something in the place of the newest snapshot."""
    return lambda folder: damage(f"snapshots/{newest(folder).name}")(folder)


DAMAGES: dict[str, Damage] = {
    **{f"{name} of 10⁹": in_recipe(**{name: GIANT})
       for name in ("n_layer", "n_embd", "block_size", "batch_size", "eval_batches", "steps")},
    "snapshots of 10⁹": in_recipe(snapshots=GIANT, steps=GIANT),
    "queued with n_layer of 10⁹": lambda folder: (
        in_recipe(n_layer=GIANT)(folder), holding("status.json", b'{"state": "queued", "step": 0, "why": ""}')(folder)
    )[0],
    "alien config": holding("config.json", b'{"format": 1, "recipe": {"wings": 2}}'),
    "torn config": holding("config.json", b'{"format": 1, "rec'),
    "config is a pipe": pipe("config.json"),
    "tokenizer is a pipe": pipe("tokenizer.json"),
    "snapshot truncated": truncated,
    "snapshot of zeros": on_newest(lambda part: holding(part, bytes(10_000))),
    "snapshot is a pipe": on_newest(pipe),
    "snapshot is a folder": on_newest(folder_as),
    "snapshot of 50 GB, sparse": on_newest(lambda part: sparse(part, 50 * 10**9)),
    "snapshot is a link": on_newest(link),
    "snapshot of step 50,000,000": of_a_later_step,
    "no snapshots": lambda folder: [file.unlink() for file in (folder / "snapshots").iterdir()] and None,
    "no folder of snapshots": lambda folder: shutil.rmtree(folder / "snapshots"),
    "snapshots is a file": holding("snapshots", b""),
    "snapshots is a link": link("snapshots"),
    "metrics of 1 GB, sparse": sparse("metrics.jsonl", 10**9),
    "metrics is a pipe": pipe("metrics.jsonl"),
    "metrics is a link": link("metrics.jsonl"),
    "samples is a folder": folder_as("samples.jsonl"),
    "status is a pipe": pipe("status.json"),
    "status is a link": link("status.json"),
    "text is a pipe": pipe("text.txt"),
    "text is a link": link("text.txt"),
    "text is a path": lambda folder: (
        (folder / "text.txt").unlink(), in_recipe(text=str(folder.parent / "elsewhere.txt"))(folder)
    )[1],
    "log is a link": link("log.txt"),
    "resume is a link": link("resume"),
    "state to resume from is a pipe": pipe("resume/state.safetensors"),
    "state to resume from is a link": link("resume/state.safetensors"),
    "lock is a link": link(".lock"),
    "stop is a link": link("stop"),
    "a half-written file is a link": link("status.json.new"),
}  # fmt: skip
