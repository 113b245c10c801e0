"""Read a Hugging Face folder: `config.json`, and safetensors in one file or in several. Pickles are never opened."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = f"{WEIGHTS}.index.json"  # tensor name → file, where the weights are in several files
LONGEST_JSON = 100_000_000  # bytes


class Safetensors:
    """The tensors of the safetensors files of a folder."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        """files: tensor name → name of its file in the folder.

        Raises ValueError for a file that is missing, outside the folder, or has no tensor of that name.
        """
        opened = {file: _open(folder, file) for file in sorted(set(files.values()))}
        held = {file: set(tensors.keys()) for file, tensors in opened.items()}
        for name, file in files.items():
            if name not in held[file]:
                raise ValueError(f"{file} has no tensor {name!r}, which {INDEX} lists; get both files again")
        self._of = {name: opened[file] for name, file in files.items()}
        self.names = set(self._of)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, from the header."""
        return tuple(self._of[name].get_slice(name).get_shape())

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises ValueError if its numbers are not floating-point."""
        tensor: Tensor = self._of[name].get_tensor(name)
        if not tensor.is_floating_point():
            raise ValueError(f"the tensor {name!r} holds {tensor.dtype}, not floating-point numbers")
        return tensor


def read_folder(folder: Path) -> tuple[dict[str, Any], Safetensors]:
    """Return what config.json says, and the tensors.

    Raises ValueError for a folder without safetensors, with a file missing, or with a name that leads out of it.
    """
    values = read_json(folder, CONFIG)
    if not isinstance(values, dict):
        raise ValueError(f"its {CONFIG} holds a {type(values).__name__}; a JSON object is needed")
    if (folder / INDEX).exists():
        return values, Safetensors(folder, _read_index(folder))
    if not (folder / WEIGHTS).exists():
        raise ValueError(
            f"it has no {WEIGHTS} and no {INDEX}; pickles (pytorch_model.bin) are not opened, save them as safetensors"
        )
    return values, Safetensors(folder, dict.fromkeys(_open(folder, WEIGHTS).keys(), WEIGHTS))


def has_weights(folder: Path) -> bool:
    """Whether the weights are there, in one file or in all files of the index."""
    if (folder / INDEX).exists():
        return all((folder / file).exists() for file in _read_index(folder).values())
    return (folder / WEIGHTS).exists()


def read_json(folder: Path, name: str) -> Any:
    """Return the content of a JSON file. Raises ValueError if it is missing, too large or damaged."""
    file = file_in(folder, name)
    if file.stat().st_size > LONGEST_JSON:
        raise ValueError(f"its {name} is larger than {LONGEST_JSON // 10**6} MB; get the file again")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its {name} is not JSON ({error}); get the file again") from error


def file_in(folder: Path, name: str) -> Path:
    """Return a file of a folder. Raises ValueError if it is missing, or the name or a link leads out of the folder.

    In the Hub's cache, the files of a snapshot are links to the folder `blobs` of the model or of the cache.
    """
    file, home = (folder / name).resolve(), folder.resolve()
    homes = [home]
    if home.parent.name == "snapshots" and home.parents[1].name.startswith("models--"):
        homes += [home.parents[1] / "blobs", home.parents[2] / "blobs"]
    if not any(file.is_relative_to(allowed) for allowed in homes):
        raise ValueError(f"its file {name!r} leads out of the folder; copy the file into the folder")
    if not file.is_file():
        raise ValueError(f"it has no file {name!r}; a part of the download is missing, get it again")
    return file


def _read_index(folder: Path) -> dict[str, str]:
    index = read_json(folder, INDEX)
    files = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(files, dict) or not all(isinstance(file, str) for file in files.values()):
        raise ValueError(f"its {INDEX} has no weight_map (tensor name → file); get the file again")
    return files


def _open(folder: Path, name: str) -> Any:
    return safe_open(file_in(folder, name), framework="pt")
