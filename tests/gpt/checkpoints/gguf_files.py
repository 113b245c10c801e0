"""Tiny GGUF files from tiny transformers models, written as llama.cpp's converter writes them."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Kind
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from gpt.text.alphabet import BYTE_OF

ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA, "mistral": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3, "gpt2": gguf.MODEL_ARCH.GPT2, "gpt_neox": gguf.MODEL_ARCH.GPTNEOX,
}  # fmt: skip


def write_gguf(
    file: Path,
    model: PreTrainedModel,
    kind: Kind = Kind.F32,
    extra: dict[str, torch.Tensor] | None = None,
    **changed: Any,
) -> Path:
    """Write the model. kind: of its matrices. extra: more tensors. changed: other metadata; None leaves a key out."""
    config = model.config
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(file, gguf.MODEL_ARCH_NAMES[architecture])
    for key, value in (metadata(config) | changed).items():
        name = key if key.startswith(("tokenizer.", "general.")) else f"{writer.arch}.{key}"
        if name == "general.architecture":
            writer.kv_data[0][name].value = value
        elif isinstance(value, str):
            writer.add_string(name, value)
        elif isinstance(value, bool):
            writer.add_bool(name, value)
        elif isinstance(value, int):
            writer.add_uint32(name, value)
        elif isinstance(value, float):
            writer.add_float32(name, value)
        elif value is not None:
            writer.add_array(name, value)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        theirs = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if theirs is None or (theirs == "output.weight" and config.tie_word_embeddings):
            continue
        array = converted(name, tensor, config).numpy()
        matrix = kind if array.ndim == 2 and array.shape[1] % gguf.GGML_QUANT_SIZES[kind][0] == 0 else Kind.F32
        writer.add_tensor(theirs, gguf.quantize(np.ascontiguousarray(array), matrix), raw_dtype=matrix)
    for name, tensor in (extra or {}).items():
        writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def write_tiny(file: Path, layers: int = 2, context: int = 64, **sizes: int) -> Path:
    """Write a random Llama with 4 heads per layer, whose tokens are the 256 bytes and "th". sizes: of Llama."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2} | sizes
    shape = LlamaConfig(**sizes, num_hidden_layers=layers, vocab_size=257, max_position_embeddings=context)
    tokenizer = {"model": "gpt2", "pre": "gpt-2", "tokens": [*BYTE_OF, "th"], "merges": ["t h"]}
    metadata = {f"tokenizer.ggml.{name}": value for name, value in tokenizer.items()}
    return write_gguf(file, LlamaForCausalLM(shape), **metadata)


def metadata(config: Any) -> dict[str, Any]:
    """Return what llama.cpp's converter writes for this config."""
    n_head, n_embd = config.num_attention_heads, config.hidden_size
    shared = {
        "context_length": config.max_position_embeddings,
        "embedding_length": n_embd,
        "block_count": config.num_hidden_layers,
        "attention.head_count": n_head,
    }
    if config.model_type == "gpt2":
        return shared | {
            "feed_forward_length": 4 * n_embd, "attention.layer_norm_epsilon": config.layer_norm_epsilon
        }  # fmt: skip
    rope = config.rope_parameters
    shared["feed_forward_length"] = config.intermediate_size
    if config.model_type == "gpt_neox":
        return shared | {
            "rope.dimension_count": int(rope["partial_rotary_factor"] * (n_embd // n_head)),
            "rope.freq_base": float(rope["rope_theta"]),
            "use_parallel_residual": config.use_parallel_residual,
            "attention.layer_norm_epsilon": config.layer_norm_eps,
        }
    head_dim = getattr(config, "head_dim", None) or n_embd // n_head
    return shared | {
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.key_length": head_dim,
        "attention.value_length": head_dim,
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        "rope.dimension_count": head_dim,
        "rope.freq_base": float(rope["rope_theta"]),
        "attention.sliding_window": config.sliding_window if config.model_type == "mistral" else None,
    }


def converted(name: str, tensor: torch.Tensor, config: Any) -> torch.Tensor:
    """Return the tensor as the converter writes it."""
    if config.model_type in ("llama", "mistral") and ".q_proj." in name:
        return _pair_neighbours(tensor, config.num_attention_heads)
    if config.model_type in ("llama", "mistral") and ".k_proj." in name:
        return _pair_neighbours(tensor, config.num_key_value_heads)
    if config.model_type == "gpt2" and name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
        return tensor.T
    if ".query_key_value." in name:
        per_head = tensor.view(config.num_attention_heads, 3, -1, *tensor.shape[1:])
        return torch.cat([per_head[:, part].reshape(-1, *tensor.shape[1:]) for part in range(3)])
    return tensor


def _pair_neighbours(rows: torch.Tensor, n_head: int) -> torch.Tensor:
    """The `permute` of llama.cpp's convert_hf_to_gguf.py."""
    return rows.reshape(n_head, 2, rows.shape[0] // n_head // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
