"""Checkpoints of other libraries. A model family is one file here, and its entry in `FAMILIES`."""

import re
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
from gpt.checkpoints.nanogpt import NANOGPT, read_nanogpt
from gpt.checkpoints.qwen import QWEN2, QWEN3
from gpt.checkpoints.smollm2 import SMOLLM2, smollm2_file
from gpt.checkpoints.tensors import Progress, Tensors, check_opens, read_model
from gpt.model.gpt import GPT
from gpt.text.hf_tokenizer import FILES, HFTokenizer, read_tokenizer

__all__ = ["FAMILIES", "Pretrained", "export_pretrained", "load_pretrained"]

FAMILIES = {family.model_type: family for family in (GPT2, GPT_NEOX, LLAMA, QWEN2, QWEN3, MISTRAL)}
FILE_KINDS = {".gguf": read_gguf, ".pt": read_nanogpt}  # suffix → reader; anything else is a folder
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?", re.ASCII)  # owner/name, or a name
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# what a damaged file may raise
DAMAGE = (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)


@dataclass(frozen=True)
class Pretrained:
    """An opened checkpoint."""

    model: GPT  # in eval mode, on the CPU
    tokenizer: HFTokenizer | None  # None where the source has none
    name: str
    source: str  # the Hub id, the folder or the file
    bits: int | None = None  # to which most weights are quantised in the file


def load_pretrained(source: str | Path, *, dtype: str = "float32", progress: Progress | None = None) -> Pretrained:
    """Open a model of a family in `FAMILIES`.

    source: an id of the Hugging Face Hub, such as "EleutherAI/pythia-70m" (downloaded once, then opened from the
    cache without the network); a local Hugging Face folder (config.json and safetensors, in one file or several); a
    .gguf file; nanoGPT's ckpt.pt; or "smollm2", from its package.
    dtype: of the weights in memory, "float32" or "bfloat16". progress(done, total, what): called with bytes; an
    exception that it raises cancels the work.
    Raises ValueError for a family that is not known, a variant that `GPT` does not compute, a folder without
    safetensors, files that are damaged or do not fit each other, a model that is larger than memory, and an id that
    does not exist, is gated, or is not in the cache while there is no network.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype={dtype!r} is not known; choose one of {', '.join(DTYPES)}")
    in_memory = DTYPES[dtype]
    try:
        if from_hub := _is_on_hub(source):
            from gpt.checkpoints.hub import fetch_model  # huggingface_hub takes half a second to import

            path = fetch_model(str(source), lambda values: check_opens(values, FAMILIES, in_memory), progress)
        else:
            path = smollm2_file() if source == SMOLLM2 else Path(source)
        read = FILE_KINDS.get(path.suffix, _read_folder)
        values, tensors, tokenizer = read(path)
        families = {NANOGPT.model_type: NANOGPT} if read is read_nanogpt else FAMILIES
        model = read_model(values, tensors, families, in_memory, progress)
    except DAMAGE as error:
        raise ValueError(f"{str(source)!r} cannot be opened as a checkpoint: {error}") from error
    bits = tensors.bits if isinstance(tensors, GGUFTensors) else None
    if from_hub:
        return Pretrained(model, tokenizer, str(source).rpartition("/")[2], str(source), bits)
    return Pretrained(model, tokenizer, path.name.removesuffix(".gguf"), str(path), bits)


def _is_on_hub(source: str | Path) -> bool:
    """Whether the source is a Hub id: neither a path that exists nor the name of a file."""
    path = Path(source)
    named = source == SMOLLM2 or path.suffix in FILE_KINDS
    return isinstance(source, str) and not named and HUB_ID.fullmatch(source) is not None and not path.exists()


def _read_folder(folder: Path) -> tuple[dict[str, Any], Tensors, HFTokenizer | None]:
    values, tensors = read_folder(folder)
    if values.get("model_type") not in FAMILIES:  # which `read_model` says
        return values, tensors, None
    for name in FILES:
        if (folder / name).exists():
            file_in(folder, name)  # no link leads out of the folder
    return values, tensors, read_tokenizer(folder, values["model_type"], values.get("vocab_size"))
