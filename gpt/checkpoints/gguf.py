"""GGUF files, llama.cpp's format: the values of a config.json, tensors under Hugging Face's names, and the tokenizer.

A GGUF file keeps llama's queries and keys for a rotation of neighbours (features 2i and 2i + 1); Hugging Face's files
pair feature i with i + d_head / 2, so the rows are put back in that order. GPT-NeoX's queries, keys and values are put
back as each head's three parts, and GPT-2's matrices as (inputs, outputs).
Source: llama.cpp, convert_hf_to_gguf.py.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFReader, dequantize
from torch import Tensor

from gpt.checkpoints.gguf_config import Metadata, read_values
from gpt.checkpoints.gguf_tokenizer import read_gguf_tokenizer
from gpt.text.hf_tokenizer import HFTokenizer

LLAMA = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    "attn_norm": "model.layers.{}.input_layernorm", "ffn_norm": "model.layers.{}.post_attention_layernorm",
    "attn_q": "model.layers.{}.self_attn.q_proj", "attn_k": "model.layers.{}.self_attn.k_proj",
    "attn_v": "model.layers.{}.self_attn.v_proj", "attn_output": "model.layers.{}.self_attn.o_proj",
    "attn_q_norm": "model.layers.{}.self_attn.q_norm", "attn_k_norm": "model.layers.{}.self_attn.k_norm",
    "ffn_gate": "model.layers.{}.mlp.gate_proj", "ffn_up": "model.layers.{}.mlp.up_proj",
    "ffn_down": "model.layers.{}.mlp.down_proj",
}  # fmt: skip
GPT2 = {
    "token_embd": "transformer.wte", "position_embd": "transformer.wpe", "output_norm": "transformer.ln_f",
    "output": "lm_head", "attn_norm": "transformer.h.{}.ln_1", "attn_qkv": "transformer.h.{}.attn.c_attn",
    "attn_output": "transformer.h.{}.attn.c_proj", "ffn_norm": "transformer.h.{}.ln_2",
    "ffn_up": "transformer.h.{}.mlp.c_fc", "ffn_down": "transformer.h.{}.mlp.c_proj",
}  # fmt: skip
GPT_NEOX = {
    "token_embd": "gpt_neox.embed_in", "output_norm": "gpt_neox.final_layer_norm", "output": "embed_out",
    "attn_norm": "gpt_neox.layers.{}.input_layernorm", "ffn_norm": "gpt_neox.layers.{}.post_attention_layernorm",
    "attn_qkv": "gpt_neox.layers.{}.attention.query_key_value", "attn_output": "gpt_neox.layers.{}.attention.dense",
    "ffn_up": "gpt_neox.layers.{}.mlp.dense_h_to_4h", "ffn_down": "gpt_neox.layers.{}.mlp.dense_4h_to_h",
}  # fmt: skip
NAMES = {"llama": LLAMA, "qwen2": LLAMA, "qwen3": LLAMA, "gpt2": GPT2, "gptneox": GPT_NEOX}  # by architecture
GIVEN_ELSEWHERE = {"rope_freqs.weight"}  # `read_values` makes the rotation's scaling of it
LAYER = re.compile(r"blk\.(\d+)\.(.+)")


class GGUFTensors:
    """The tensors of a GGUF file under Hugging Face's names. One is dequantised when it is read."""

    def __init__(self, reader: GGUFReader, architecture: str, n_head: int, n_kv_head: int) -> None:
        """Raises ValueError for a tensor that this architecture does not have."""
        self._architecture = architecture
        self._n_head, self._n_kv_head = n_head, n_kv_head
        known = [tensor for tensor in reader.tensors if tensor.name not in GIVEN_ELSEWHERE]
        self._tensors = {_hugging_face_name(tensor.name, architecture): tensor for tensor in known}
        self.names = set(self._tensors)

    @property
    def bits(self) -> int | None:
        """The bits that most numbers are quantised to; None for floating-point numbers of 16 bits or more."""
        sizes = Counter[GGMLQuantizationType]()
        for tensor in self._tensors.values():
            sizes[tensor.tensor_type] += tensor.n_elements
        bits = re.match(r"(?:I|T)?Q(\d)", sizes.most_common(1)[0][0].name)
        return int(bits[1]) if bits else None

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, from the header."""
        shape = tuple(int(size) for size in self._tensors[name].shape[::-1])
        return shape[::-1] if self._is_transposed(name) else shape

    def read(self, name: str) -> Tensor:
        """Return a tensor in float32. Raises ValueError if its numbers cannot be read."""
        stored = self._tensors[name]
        try:
            numbers = torch.from_numpy(np.array(dequantize(stored.data, stored.tensor_type), np.float32))
        except NotImplementedError as error:
            raise ValueError(
                f"the tensor {stored.name!r} holds {stored.tensor_type.name}, which cannot be read; "
                "quantise the model again, to Q8_0 or Q4_1 for example"
            ) from error
        if self._is_transposed(name):
            return numbers.T
        if self._architecture == "llama" and ".q_proj." in name:
            return _pair_halves(numbers, self._n_head)
        if self._architecture == "llama" and ".k_proj." in name:
            return _pair_halves(numbers, self._n_kv_head)
        if self._architecture == "gptneox" and ".query_key_value." in name:
            return _group_by_head(numbers, self._n_head)
        return numbers

    def _is_transposed(self, name: str) -> bool:
        return self._architecture == "gpt2" and ".h." in name and len(self._tensors[name].shape) == 2


class BoundedReader(GGUFReader):
    """A reader that refuses a file that ends early, where the library's would read nothing, and on and on."""

    def _get(self, offset: int, dtype: Any, count: int = 1, override_order: Any = None) -> Any:
        if isinstance(self.data, np.memmap):
            self.data = np.asarray(self.data)  # the same memory; slices of a memmap take three times as long
        kind = np.dtype(dtype)
        end = offset + kind.itemsize * int(count)
        if end > len(self.data):
            raise ValueError("the file ends before its content does; download or copy it again")
        return self.data[offset:end].view(kind.newbyteorder(override_order or self.byte_order))


def read_gguf(file: Path) -> tuple[dict[str, Any], GGUFTensors, HFTokenizer | None]:
    """Return what a config.json of this model says, its tensors, and its tokenizer, None where the file has none.

    No tensor is read yet. Raises ValueError for a file that is no GGUF file, is damaged or ends early, an architecture
    or a tokenizer that is not known, and missing metadata.
    """
    try:
        reader = BoundedReader(file)
        metadata = {key: field.contents() for key, field in reader.fields.items()}
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"it is no GGUF file that can be read: {error}") from error
    architecture = metadata.get("general.architecture")
    if architecture not in NAMES:
        raise ValueError(f"its architecture is {architecture!r}; only {', '.join(NAMES)} can be opened")
    stored = {tensor.name: tensor for tensor in reader.tensors}
    if "token_embd.weight" not in stored:
        raise ValueError(
            "it has no tensor 'token_embd.weight', as a file of another kind of model or of a tokenizer only"
        )
    frequencies = stored.get("rope_freqs.weight")
    values = read_values(
        Metadata(architecture, metadata),
        vocab_size=int(stored["token_embd.weight"].shape[1]),
        names=set(stored),
        frequency_factors=None if frequencies is None else np.array(frequencies.data, np.float64),
    )
    n_head = values["num_attention_heads"] if architecture != "gpt2" else values["n_head"]
    tensors = GGUFTensors(reader, architecture, n_head, values.get("num_key_value_heads", n_head))
    return values, tensors, read_gguf_tokenizer(metadata, values["vocab_size"])


def _hugging_face_name(name: str, architecture: str) -> str:
    stem, _, kind = name.rpartition(".")
    layer = LAYER.fullmatch(stem)
    known = NAMES[architecture].get(layer[2] if layer else stem)
    if known is None or ("{}" in known) != bool(layer):
        raise ValueError(f"it has a tensor {name!r}, which a {architecture} of this kind does not have")
    return f"{known.format(layer[1] if layer else '')}.{kind}"


def _pair_halves(rows: Tensor, n_head: int) -> Tensor:
    """Reorder each head's rows: features 2i and 2i + 1 become i and i + d_head / 2. rows: (n_head · d_head, …)."""
    return rows.unflatten(0, (n_head, -1, 2)).transpose(1, 2).reshape(rows.shape)


def _group_by_head(rows: Tensor, n_head: int) -> Tensor:
    """Reorder rows: all queries, keys, values become each head's query, key, value. rows: (3 · n_embd, …)."""
    return rows.unflatten(0, (3, n_head, -1)).transpose(0, 1).reshape(rows.shape)
