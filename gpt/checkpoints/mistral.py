"""Mistral: Llama with a sliding window. Source: Jiang et al. 2023, arXiv:2310.06825."""

from typing import Any

from gpt.checkpoints.family import Family, check_computed
from gpt.checkpoints.llama import read_decoder, weights
from gpt.model.config import GPTConfig


def read_config(values: dict[str, Any]) -> GPTConfig:
    """Return the config of a Mistral. values: config.json.

    Raises ValueError for a variant that `GPT` does not compute.
    """
    check_computed(values, {"layer_types": (None,)})  # windows that differ from layer to layer
    return read_decoder(values, window=values.get("sliding_window", 4096))


MISTRAL = Family("mistral", read_config, weights)
