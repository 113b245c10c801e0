"""Named tensors from any kind of file, and the model that is made of them."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import torch
from torch import Tensor

from gpt.checkpoints.family import Family, Weight
from gpt.machine import PROCESS, bytes_in_words, count_in_words, machine_memory
from gpt.model.build import without_memory
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT
from gpt.train.estimate import count_parameters

# done, total (both in bytes), what is done now; an exception that it raises cancels the work
Progress = Callable[[int, int, str], None]

# masks and angles that old files hold, and a copy of tied embeddings
UNREAD = re.compile(r"\b(attn|attention)\.(masked_)?bias$|\brotary_emb\.inv_freq$|^(lm_head|embed_out)\.weight$")


class Tensors(Protocol):
    """The tensors of a checkpoint, under the names that its family has at Hugging Face."""

    names: set[str]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor. It reads a header only."""
        ...

    def read(self, name: str) -> Tensor:
        """Return a tensor of floating-point numbers. Raises ValueError if its numbers cannot be read."""
        ...


def read_model(
    values: dict[str, Any],
    tensors: Tensors,
    families: Mapping[str, Family],
    dtype: torch.dtype = torch.float32,
    progress: Progress | None = None,
) -> GPT:
    """Return the model in eval mode, on the CPU, without gradients. values: what its config.json says.

    Shapes and memory are checked before memory is allocated; then one tensor is read after the other, so that the
    peak is about the size of the model. Raises ValueError for a family that is not in `families`, a variant that `GPT`
    does not compute, tensors that are missing, do not fit or are not read by the model, and a model that is larger
    than this machine's memory.
    """
    family, config = check_opens(values, families, dtype)
    if config.n_layer > len(tensors.names):
        raise ValueError(f"its {len(tensors.names)} tensors are too few for {config.n_layer} layers")
    weights = list(family.weights(config, tensors.names))
    with without_memory():
        model = GPT(config)
        _check_names(weights, tensors)
        _check_shapes(weights, tensors, model)
    state = _read_state(weights, tensors, dtype, progress)
    if config.tie_weights:
        state["unembed.weight"] = state["embed.weight"]
    model.load_state_dict(state, assign=True)
    if config.tie_weights:
        model.unembed.weight = model.embed.weight
    return model.eval().requires_grad_(False)


def check_opens(values: dict[str, Any], families: Mapping[str, Family], dtype: torch.dtype) -> tuple[Family, GPTConfig]:
    """Return the family and the config that config.json describes.

    Raises ValueError for a family that is not in `families`, a variant that `GPT` does not compute, and a model that is
    larger than this machine's memory.
    """
    kind: Any = values.get("model_type")
    family = families.get(kind) if isinstance(kind, str) else None
    if family is None:
        *others, last = map(repr, families)
        raise ValueError(f"its model_type is {kind!r}; only {', '.join(others)} and {last} can be opened")
    if values.get("quantization_config"):
        raise ValueError("its weights are quantised (quantization_config); open the original weights, or a GGUF file")
    config = family.read_config(values)
    _check_memory(config, dtype)
    return family, config


def _check_names(weights: Iterable[Weight], tensors: Tensors) -> None:
    wanted = {name for weight in weights for name in weight.theirs}
    if missing := wanted - tensors.names:
        raise ValueError(f"it has no tensor {_some(missing)}")
    if unread := {name for name in tensors.names - wanted if not UNREAD.search(name)}:
        raise ValueError(f"it has tensors that this model does not read: {_some(unread)}")


def _some(names: set[str]) -> str:
    shown = ", ".join(map(repr, sorted(names)[:3]))
    return f"{shown} and {len(names) - 3:,} more" if len(names) > 3 else shown


def _check_shapes(weights: Iterable[Weight], tensors: Tensors, model: GPT) -> None:
    """Compare the shapes of all tensors with those of a model on the meta device."""
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    for weight in weights:
        shapes = [tensors.shape(name) for name in weight.theirs]
        converted = None
        with suppress(RuntimeError, IndexError):  # a conversion that the shapes do not allow
            converted = weight.convert(*map(torch.empty, shapes)).shape
        if converted != expected.get(weight.ours):
            found = ", ".join(f"{name} has shape {list(s)}" for name, s in zip(weight.theirs, shapes, strict=True))
            raise ValueError(f"{found}, which does not fit config.json")


def _check_memory(config: GPTConfig, dtype: torch.dtype) -> None:
    """Check that the model, and a float32 copy of its largest matrix while it is read, fit in memory."""
    parameters, largest = count_parameters(config), config.n_embd * max(config.vocab_size, config.mlp_width)
    needed = {size: size * parameters + 4 * largest + PROCESS for size in (torch.bfloat16.itemsize, dtype.itemsize)}
    machine = machine_memory(torch.device("cpu"))
    if needed[dtype.itemsize] > machine:
        fits_half = needed[torch.bfloat16.itemsize] <= machine
        remedy = "Open it with dtype='bfloat16'" if fits_half else "Open a smaller model, or use a larger machine"
        raise ValueError(
            f"its {count_in_words(parameters)} parameters need {bytes_in_words(needed[dtype.itemsize])} of memory in "
            f"{str(dtype).removeprefix('torch.')}; this machine has {bytes_in_words(machine)}. {remedy}"
        )


def _read_state(
    weights: Iterable[Weight], tensors: Tensors, dtype: torch.dtype, progress: Progress | None
) -> dict[str, Tensor]:
    """Read and convert every tensor into memory of its own."""
    weights = list(weights)
    total = sum(4 * torch.Size(tensors.shape(name)).numel() for weight in weights for name in weight.theirs)
    state, done = {}, 0
    for weight in weights:
        read = [tensors.read(name) for name in weight.theirs]
        converted = weight.convert(*read)
        state[weight.ours] = converted.to(dtype, copy=True, memory_format=torch.contiguous_format)
        done += sum(4 * tensor.numel() for tensor in read)
        if progress is not None:
            progress(done, total, "reading weights")
    return state
