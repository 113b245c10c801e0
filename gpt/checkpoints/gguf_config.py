"""A GGUF file's metadata as the values of a Hugging Face config.json."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
LLAMA3_FACTORS = (1.0, 4.0, 8192)  # low and high frequency factor, original context: those of Llama 3.1 to 3.3


@dataclass(frozen=True)
class Metadata:
    """The metadata of a GGUF file; most keys begin with the architecture."""

    architecture: str
    values: Mapping[str, Any]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key of this architecture."""
        value = self.values.get(f"{self.architecture}.{key}", default)
        return float(str(np.float32(value))) if isinstance(value, float) else value

    def need(self, key: str) -> Any:
        """Return the value of a key of this architecture. Raises ValueError where it is missing or a list."""
        value = self.get(key)
        if value is None or isinstance(value, list):
            what = "missing" if value is None else "a list, one value per layer, which this model does not compute"
            raise ValueError(f"its {self.architecture}.{key} is {what}; convert the model again, or open another")
        return value


def read_values(
    metadata: Metadata, vocab_size: int, names: set[str], frequency_factors: Floats | None
) -> dict[str, Any]:
    """Return the values of a config.json. names: of the tensors in the file.

    frequency_factors: (rotated features / 2,), by which the rotation's frequencies are divided; None where it is not
    scaled by them. Raises ValueError for metadata that is missing, and for a model of experts.
    """
    if metadata.get("expert_count"):
        raise ValueError("it is a mixture of experts, which this model does not compute; open a dense model")
    if metadata.architecture == "gpt2":
        return _gpt2(metadata, vocab_size, names)
    n_head, n_embd = metadata.need("attention.head_count"), metadata.need("embedding_length")
    shared = {
        "vocab_size": vocab_size,
        "hidden_size": n_embd,
        "num_hidden_layers": metadata.need("block_count"),
        "num_attention_heads": n_head,
        "intermediate_size": metadata.need("feed_forward_length"),
        "max_position_embeddings": metadata.need("context_length"),
        "tie_word_embeddings": "output.weight" not in names,
        "rope_scaling": _rope_scaling(metadata, frequency_factors),
    }
    if metadata.architecture == "gptneox":
        return shared | _gpt_neox(metadata, n_embd // n_head)
    return shared | _llama(metadata, n_head, n_embd // n_head, names)


def _gpt2(metadata: Metadata, vocab_size: int, names: set[str]) -> dict[str, Any]:
    return {
        "model_type": "gpt2",
        "vocab_size": vocab_size,
        "n_embd": metadata.need("embedding_length"),
        "n_layer": metadata.need("block_count"),
        "n_head": metadata.need("attention.head_count"),
        "n_inner": metadata.need("feed_forward_length"),
        "n_positions": metadata.need("context_length"),
        "layer_norm_epsilon": metadata.need("attention.layer_norm_epsilon"),
        "tie_word_embeddings": "output.weight" not in names,
    }


def _gpt_neox(metadata: Metadata, d_head: int) -> dict[str, Any]:
    return {
        "model_type": "gpt_neox",
        "layer_norm_eps": metadata.need("attention.layer_norm_epsilon"),
        "use_parallel_residual": metadata.get("use_parallel_residual", True),
        "rotary_pct": metadata.need("rope.dimension_count") / d_head,
        "rotary_emb_base": metadata.get("rope.freq_base", 10_000.0),
    }


def _llama(metadata: Metadata, n_head: int, d_head: int, names: set[str]) -> dict[str, Any]:
    head_dim, window = metadata.get("attention.key_length", d_head), metadata.get("attention.sliding_window")
    rotated = metadata.get("rope.dimension_count", head_dim)
    if rotated != head_dim or metadata.get("attention.value_length", head_dim) != head_dim:
        raise ValueError(
            f"its heads have {head_dim} features for keys, {metadata.get('attention.value_length', head_dim)} for "
            f"values, and {rotated} are rotated; all must be the same number"
        )
    values = {
        "model_type": "mistral" if window and metadata.architecture == "llama" else metadata.architecture,
        "num_key_value_heads": metadata.get("attention.head_count_kv", n_head),
        "head_dim": head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": metadata.need("attention.layer_norm_rms_epsilon"),
        "rope_theta": metadata.get("rope.freq_base", 10_000.0),
        "sliding_window": window,
    }
    if metadata.architecture == "llama":
        values["attention_bias"] = "blk.0.attn_q.bias" in names
    return values


def _rope_scaling(metadata: Metadata, frequency_factors: Floats | None) -> dict[str, Any] | None:
    if frequency_factors is not None:
        return _llama3_scaling(frequency_factors, metadata.get("rope.freq_base", 10_000.0))
    kind = metadata.get("rope.scaling.type", "none")
    return None if kind == "none" else {"rope_type": kind, "factor": metadata.need("rope.scaling.factor")}


def _llama3_scaling(factors: Floats, base: float) -> dict[str, Any]:
    """Return the scaling of Llama 3.1 that has these factors. Raises ValueError for any other scaling."""
    low, high, original = LLAMA3_FACTORS
    factor = float(factors.max())
    turns = original * base ** -(np.arange(len(factors)) / len(factors)) / (2 * math.pi)  # within the original context
    smooth = np.clip((turns - low) / (high - low), 0, 1)
    if not np.allclose(factors, 1 / ((1 - smooth) / factor + smooth), rtol=1e-3):
        raise ValueError(
            "its rope_freqs.weight scales the rotation in another way than Llama 3.1 does; open the Hugging Face "
            "folder of this model, whose config.json names the scaling"
        )
    names = ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    return {"rope_type": "llama3", "factor": factor, **dict(zip(names, LLAMA3_FACTORS, strict=True))}
