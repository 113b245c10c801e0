"""The list of real models: SmolLM2 from its package, and the models that were opened here.

A file in the runs folder keeps the list. A picker reads the list and opens no model. References come from links, so
they are looked up in the list; a link cannot make the app open a file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from explorer.people.identity import current
from explorer.places import is_read_only, runs_folder
from explorer.shared.shared_file import changing, read_shared

if TYPE_CHECKING:
    from gpt.checkpoints import Pretrained

ALLOW = "ATTENTION_EXPLORER_OPEN"  # set to 1, everybody may open models


class RealModel(NamedTuple):
    """A model from elsewhere, as the list has it."""

    ref: str  # in links
    source: str  # as `gpt.load_pretrained` takes it
    title: str
    n_layer: int
    n_head: int
    size: str


SMOLLM2 = RealModel("smollm2", "smollm2", "SmolLM2", 30, 9, "135M, quantised to 4 bits")


def list_models() -> dict[str, RealModel]:
    """Reference → real model: SmolLM2, installed or not, then those that were opened here, the first one first."""
    return {SMOLLM2.ref: SMOLLM2} | {model.ref: model for model in _read(_file())}


def is_missing(model: RealModel) -> bool:
    """Whether this is SmolLM2 and its package is not installed."""
    from gpt.checkpoints.smollm2 import find_smollm2

    return model == SMOLLM2 and find_smollm2() is None


def add_model(source: str, pretrained: "Pretrained") -> RealModel:
    """Add an opened model to the list, and return it. A source that is in the list replaces its entry.

    Raises ValueError if the list cannot be written.
    """
    config, bits = pretrained.model.config, pretrained.bits
    size = _short(pretrained.model.n_params) + (f", quantised to {bits} bits" if bits else "")
    with _writing() as models:
        others = {model.ref for model in models if model.source != source} | {SMOLLM2.ref}
        names = (f"real/{pretrained.name}{f'-{n}' if n > 1 else ''}" for n in range(1, len(others) + 2))
        ref = next(name for name in names if name not in others)
        model = RealModel(ref, source, pretrained.name, config.n_layer, config.n_head, size)
        models[:] = [each for each in models if each.source != source] + [model]
    return model


def remove_model(ref: str) -> None:
    """Remove a model from the list; its files stay. Raises ValueError if the list cannot be written."""
    with _writing() as models:
        models[:] = [model for model in models if model.ref != ref]


def may_open() -> bool:
    """Whether the person may open any model: a teacher may, and everybody where the server's owner allows it.

    Opening reads a file of the server's disk, or downloads gigabytes. Others pick from the list. On a server that only
    shows, nobody may.
    """
    return not is_read_only() and (os.environ.get(ALLOW) == "1" or current().is_teacher)


def _short(count: int) -> str:
    """Return a number of parameters as the field writes it.

    >>> _short(134_515_008), _short(1_300_000_000)
    ('135M', '1.3B')
    """
    if count < 1e6:
        return f"{count:,} parameters"
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M"


def _file() -> Path:
    return runs_folder() / ".models.json"


def _read(file: Path) -> tuple[RealModel, ...]:
    """Return what the file lists; nothing where it is missing or damaged."""
    try:
        return tuple(RealModel(**entry) for entry in read_shared(file) or ())
    except TypeError:
        return ()


@contextmanager
def _writing() -> Iterator[list[RealModel]]:
    """Give the list to change, and write it afterwards. Raises ValueError if it cannot be written."""
    from gpt.train.files import write_json

    with changing(_file()):
        models = [*_read(_file())]
        yield models
        write_json(_file(), [model._asdict() for model in models])
