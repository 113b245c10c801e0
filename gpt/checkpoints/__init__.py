"""Checkpoints of other libraries. A model family is one file here, and its entry in `FAMILIES`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from gpt.checkpoints.export import export_pretrained
from gpt.checkpoints.folder import file_in, read_folder
from gpt.checkpoints.gguf import GGUFTensors, read_gguf
from gpt.checkpoints.gpt2 import GPT2
from gpt.checkpoints.gpt_neox import GPT_NEOX
from gpt.checkpoints.llama import LLAMA
from gpt.checkpoints.mistral import MISTRAL
from gpt.checkpoints.qwen import QWEN2, QWEN3
from gpt.checkpoints.smollm2 import SMOLLM2, smollm2_file
from gpt.checkpoints.tensors import Progress, Tensors, read_model
from gpt.model.gpt import GPT
from gpt.text.hf_tokenizer import FILES, HFTokenizer, read_tokenizer

__all__ = ["FAMILIES", "Pretrained", "export_pretrained", "load_pretrained"]

FAMILIES = {family.model_type: family for family in (GPT2, GPT_NEOX, LLAMA, QWEN2, QWEN3, MISTRAL)}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# what a damaged file may raise
DAMAGE = (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)


@dataclass(frozen=True)
class Pretrained:
    """An opened checkpoint."""

    model: GPT  # in eval mode, on the CPU
    tokenizer: HFTokenizer | None  # None where the source has none
    name: str
    source: str  # the folder or the file
    bits: int | None = None  # to which most weights are quantised in the file


def load_pretrained(source: str | Path, *, dtype: str = "float32", progress: Progress | None = None) -> Pretrained:
    """Open a model of a family in `FAMILIES`.

    source: a local Hugging Face folder (config.json and safetensors), a .gguf file, or "smollm2", from its package.
    dtype: of the weights in memory, "float32" or "bfloat16". progress(done, total, what): called with bytes; an
    exception that it raises cancels the work.
    Raises ValueError for a family that is not known, a variant that `GPT` does not compute, a folder without
    safetensors, files that are damaged or do not fit each other, and a model that is larger than memory.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype={dtype!r} is not known; choose one of {', '.join(DTYPES)}")
    path = smollm2_file() if source == SMOLLM2 else Path(source)
    try:
        values, tensors, tokenizer = read_gguf(path) if path.suffix == ".gguf" else _read_folder(path)
        model = read_model(values, tensors, FAMILIES, DTYPES[dtype], progress)
    except DAMAGE as error:
        raise ValueError(f"{str(source)!r} cannot be opened as a checkpoint: {error}") from error
    bits = tensors.bits if isinstance(tensors, GGUFTensors) else None
    return Pretrained(model, tokenizer, path.name.removesuffix(".gguf"), str(path), bits)


def _read_folder(folder: Path) -> tuple[dict[str, Any], Tensors, HFTokenizer | None]:
    values, tensors = read_folder(folder)
    if values.get("model_type") not in FAMILIES:  # which `read_model` says
        return values, tensors, None
    for name in FILES:
        if (folder / name).exists():
            file_in(folder, name)  # no link leads out of the folder
    return values, tensors, read_tokenizer(folder, values["model_type"], values.get("vocab_size"))
