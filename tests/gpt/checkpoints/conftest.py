"""Tiny random models of `transformers`, and what they compute.

tiny(family, **changes)   a model in eval mode; norms and biases are random too, so that no two tensors are alike.
"""

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

SIZES = {
    "vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40,
    "max_position_embeddings": 96, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
}  # fmt: skip
OWN = {
    "gpt2": {"n_inner": 40}, "gpt_neox": {},
    **{family: {"num_key_value_heads": 2} for family in ("llama", "qwen2", "mistral")},
    "qwen3": {"num_key_value_heads": 2, "head_dim": 6},
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny():
    def build(family: str, **changes) -> PreTrainedModel:
        sizes = {name: size for name, size in SIZES.items() if (family, name) != ("gpt2", "intermediate_size")}
        config = CONFIG_MAPPING[family](**sizes | OWN[family] | changes)
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval().requires_grad_(False)
        for parameter in model.parameters():
            parameter += torch.randn_like(parameter) * 0.2
        return model

    return build
