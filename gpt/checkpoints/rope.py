"""Rotary positions in config.json: as transformers 5 writes them (`rope_parameters`), and as older files have them."""

from collections.abc import Mapping
from typing import Any

from gpt.checkpoints.family import check_computed, required
from gpt.model.config import RopeScaling

KNOWN = {
    "rope_type", "type", "rope_theta", "partial_rotary_factor", "factor", "low_freq_factor", "high_freq_factor",
    "original_max_position_embeddings",
}  # fmt: skip


def read_rope(
    values: Mapping[str, Any], *, base: str = "rope_theta", share: str = "partial_rotary_factor"
) -> dict[str, Any]:
    """Return the fields of `GPTConfig` that describe rotary positions.

    base, share: the names of both in older files. Raises ValueError for a kind of scaling that `GPT` does not
    compute.
    """
    written: Any = values.get("rope_scaling") or values.get("rope_parameters") or {}
    if not isinstance(written, dict) or not written.keys() <= KNOWN:
        raise ValueError(f"its rotary positions are {written!r}; this model reads only {', '.join(sorted(KNOWN))}")
    return {
        "positions": "rotary",
        "rope_base": written.get("rope_theta", values.get(base, 10_000.0)),
        "rope_share": written.get("partial_rotary_factor", values.get(share, 1.0)),
        "rope_scaling": _read_scaling(written, values),
    }


def _read_scaling(written: dict[str, Any], values: Mapping[str, Any]) -> RopeScaling | None:
    kind = written.get("rope_type", written.get("type", "default"))
    check_computed({"rope_type": kind}, {"rope_type": ("default", "linear", "llama3")})
    if kind == "default":
        return None
    factor = required(written, "factor")
    if kind == "linear":
        return RopeScaling("linear", factor)
    context = written.get("original_max_position_embeddings", values["max_position_embeddings"])
    return RopeScaling(
        "llama3", factor, required(written, "low_freq_factor"), required(written, "high_freq_factor"), context
    )
