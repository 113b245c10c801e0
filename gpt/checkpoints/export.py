"""Write a model as a Hugging Face folder, which `transformers` and `load_pretrained` open."""

import math
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from gpt.checkpoints.card import write_card
from gpt.checkpoints.family import Weight, same, stacked, transposed
from gpt.checkpoints.targets import Target, find_target
from gpt.checkpoints.tensors import Progress
from gpt.checkpoints.tokenizer import write_tokenizer
from gpt.machine import bytes_in_words, free_disk
from gpt.model.build import Model
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT
from gpt.text.tokenizer import Tokenizer
from gpt.train.estimate import shapes_of
from gpt.train.faults import is_full
from gpt.train.files import write_json, write_tensors
from gpt.train.run import Run

OTHER_FILES = 20_000_000  # bytes; the tokenizer and the card are smaller


def export_pretrained(
    run_or_model: Run | Model,
    folder: str | Path,
    tokenizer: Tokenizer | None = None,
    *,
    step: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a folder that `transformers.AutoModelForCausalLM` and `AutoTokenizer` open: same logits, same tokens.

    A run is written with its tokenizer, a model with `tokenizer`, if given. step: the run's snapshot (None: the
    newest). The model goes out as the first family in `TARGETS` that has all its switches. A bias that the model lacks
    is written as zeros. The folder appears when all files are in it. progress(done, total, what): called with bytes;
    an exception that it raises cancels the work.

    Raises ValueError for a model that no family expresses, a folder that is not empty, a full disk, and a tokenizer of
    another vocabulary.
    """
    if isinstance(run_or_model, Run):
        run, config, kind = run_or_model, run_or_model.recipe.model, run_or_model.objective.kind
        tokenizer = tokenizer or run.tokenizer
        step = run.steps[-1] if step is None and run.steps else step
    else:
        run, config, kind = None, run_or_model.config, type(run_or_model)
    target, folder, progress = find_target(config, kind), Path(folder), progress or _show_nothing
    if tokenizer and tokenizer.vocab_size != config.vocab_size:
        raise ValueError(f"the tokenizer has {tokenizer.vocab_size} tokens, the model {config.vocab_size}")
    size = export_size(config)
    check_room(folder, size)
    progress(0, 2 * size, "reading weights")
    model = run_or_model.model(step) if isinstance(run_or_model, Run) else run_or_model
    with _appearing(folder) as beside:
        progress(size, 2 * size, "writing weights")
        _write_weights(model.state_dict(), config, target, beside)
        if tokenizer:
            write_tokenizer(tokenizer, beside, config.block_size)
        write_card(beside, folder.name, target.name, config, run, step or 0)
        progress(2 * size, 2 * size, "written")


def _show_nothing(done: int, total: int, what: str) -> None:
    """Show no progress."""


def export_size(config: GPTConfig) -> int:
    """Return the bytes of the weights that `export_pretrained` writes, float32."""
    return 4 * sum(math.prod(shape) for shape in shapes_of(config, GPT).values())


def check_room(folder: Path, size: int) -> None:
    """Raise ValueError where this folder is not empty, or its disk has no room for weights of this size, in bytes."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{str(folder)!r} is not empty or no folder; give a new name")
    free = free_disk(folder)
    if free < size + OTHER_FILES:
        raise ValueError(
            f"the model needs {bytes_in_words(size + OTHER_FILES)}, and the disk of {str(folder)!r} has "
            f"{bytes_in_words(free)} left; free some space, or choose another disk"
        )


@contextmanager
def _appearing(folder: Path) -> Generator[Path]:
    """Give a hidden folder beside this one, and rename it at the end. On an error, nothing of it stays."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".export-", dir=folder.parent) as hidden:
            beside = Path(hidden) / "new"
            beside.mkdir()
            yield beside
            _rename(beside, folder)
    except OSError as error:
        if not is_full(error):
            raise
        raise ValueError(
            f"{str(folder)!r} cannot be written ({error.strerror}); free some space, or choose another disk"
        ) from error


def _rename(beside: Path, folder: Path) -> None:
    try:
        os.replace(beside, folder)  # over an empty folder, or none
    except OSError as error:
        raise ValueError(f"{str(folder)!r} cannot be written: {error}") from error


def _write_weights(state: dict[str, Tensor], config: GPTConfig, target: Target, folder: Path) -> None:
    values = _config_values(config, target)
    as_read = target.family.read_config(values)
    shapes = shapes_of(as_read, GPT)
    tensors: dict[str, Tensor] = {}
    for weight in target.family.weights(as_read, set(target.names)):
        ours = state[weight.ours].float() if weight.ours in state else torch.zeros(shapes[weight.ours])
        tensors |= zip(weight.theirs, _undo(weight, ours, as_read), strict=True)
    write_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    write_json(folder / "config.json", values)


def _config_values(config: GPTConfig, target: Target) -> dict[str, Any]:
    common = {"model_type": target.family.model_type, "vocab_size": config.vocab_size, "dtype": "float32"}
    ends = {"tie_word_embeddings": config.tie_weights, "bos_token_id": None, "eos_token_id": None}
    return target.values(config) | common | ends


def _undo(weight: Weight, tensor: Tensor, config: GPTConfig) -> tuple[Tensor, ...]:
    """Make the tensors of the checkpoint from ours, the inverse of `weight.convert`."""
    if weight.convert is stacked:
        q, kv = config.n_head * config.d_head, config.n_kv_head * config.d_head
        return tensor.split((q, kv, kv))
    if weight.convert in (same, transposed):  # each is its own inverse
        return (weight.convert(tensor),)
    rows = weight.convert(torch.arange(len(tensor)))  # any other reorders rows
    return (tensor[rows.argsort()],)
