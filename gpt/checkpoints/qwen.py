"""Qwen 2, 2.5 and 3: Llama with biases for queries, keys and values (2), or with RMSNorm of queries and keys (3).

Sources: Yang et al. 2024, arXiv:2407.10671; Yang et al. 2025, arXiv:2505.09388.
"""

from typing import Any

from gpt.checkpoints.family import Family, check_computed, required
from gpt.checkpoints.llama import read_decoder, weights
from gpt.model.config import GPTConfig


def read_qwen2(values: dict[str, Any]) -> GPTConfig:
    """Return the config of a Qwen 2 or 2.5. values: config.json.

    Raises ValueError for a variant that `GPT` does not compute.
    """
    return read_decoder(values, qkv_bias=True, window=_read_window(values))


def read_qwen3(values: dict[str, Any]) -> GPTConfig:
    """Return the config of a Qwen 3. values: config.json.

    Raises ValueError for a variant that `GPT` does not compute.
    """
    check_computed(values, {"attention_bias": (False,)})
    return read_decoder({"head_dim": 128} | values, qk_norm=True, window=_read_window(values))


def _read_window(values: dict[str, Any]) -> int | None:
    """Return the window of all layers. Raises ValueError if layers differ."""
    window = values.get("sliding_window", 4096) if values.get("use_sliding_window", False) else None
    kinds = set(values.get("layer_types") or ()) or _kinds(values, window)
    if kinds == {"full_attention"}:
        return None
    if kinds == {"sliding_attention"} and window is not None:
        return window
    raise ValueError(
        f"its layers have {' and '.join(sorted(kinds))}, with use_sliding_window={window is not None} and "
        f"max_window_layers={values.get('max_window_layers')!r}; this model has the same window in all layers"
    )


def _kinds(values: dict[str, Any], window: int | None) -> set[str]:
    """Return the kinds of layers of a file without layer_types: windows begin at layer max_window_layers."""
    first = values.get("max_window_layers", 28)
    if window is None or first >= required(values, "num_hidden_layers"):
        return {"full_attention"}
    return {"sliding_attention"} if first <= 0 else {"full_attention", "sliding_attention"}


QWEN2 = Family("qwen2", read_qwen2, weights)
QWEN3 = Family("qwen3", read_qwen3, weights)
