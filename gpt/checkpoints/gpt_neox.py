"""GPT-NeoX: config fields and tensor names. The Pythia models are of this family.

One matrix holds queries, keys and values, head by head: the rows of head 0's query, key and value, then those of head
1. Sources: Black et al. 2022, arXiv:2204.06745; Biderman et al. 2023, arXiv:2304.01373.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import Tensor

from gpt.checkpoints.family import Family, Weight, check_computed, read_activation, required, same
from gpt.checkpoints.rope import read_rope
from gpt.model.config import GPTConfig

BLOCK = {
    "ln1": "input_layernorm", "attn.qkv": "attention.query_key_value", "attn.proj": "attention.dense",
    "ln2": "post_attention_layernorm", "mlp.up": "mlp.dense_h_to_4h", "mlp.down": "mlp.dense_4h_to_h",
}  # fmt: skip


def read_config(values: dict[str, Any]) -> GPTConfig:
    """Return the config of a GPT-NeoX. values: config.json.

    Raises ValueError for a variant that `GPT` does not compute.
    """
    check_computed(values, {"attention_bias": (True,)})
    return GPTConfig(
        vocab_size=required(values, "vocab_size"),
        block_size=required(values, "max_position_embeddings"),
        n_layer=required(values, "num_hidden_layers"),
        n_head=required(values, "num_attention_heads"),
        n_embd=required(values, "hidden_size"),
        mlp_width=required(values, "intermediate_size"),
        norm_eps=required(values, "layer_norm_eps"),
        activation=read_activation(values, "hidden_act", "gelu"),
        parallel=values.get("use_parallel_residual", True),
        tie_weights=values.get("tie_word_embeddings", False),
        **read_rope({"rotary_pct": 0.25} | values, base="rotary_emb_base", share="rotary_pct"),
    )


def weights(config: GPTConfig, names: set[str]) -> Iterator[Weight]:
    """Yield where each tensor is. names: those in the file; the output layer has had two names."""
    yield Weight("embed.weight", ("gpt_neox.embed_in.weight",))
    for layer in range(config.n_layer):
        for ours, theirs in BLOCK.items():
            convert = partial(part_by_part, n_head=config.n_head) if ours == "attn.qkv" else same
            for kind in ("weight", "bias"):
                name = f"gpt_neox.layers.{layer}.{theirs}.{kind}"
                yield Weight(f"blocks.{layer}.{ours}.{kind}", (name,), convert)
    for kind in ("weight", "bias"):
        yield Weight(f"ln_final.{kind}", (f"gpt_neox.final_layer_norm.{kind}",))
    if not config.tie_weights:
        yield Weight("unembed.weight", ("embed_out.weight" if "embed_out.weight" in names else "lm_head.weight",))


def part_by_part(rows: Tensor, n_head: int) -> Tensor:
    """Reorder the rows (n_head · 3 · d_head, …) from head by head: all queries first, then all keys and all values."""
    return rows.unflatten(0, (n_head, 3, -1)).transpose(0, 1).flatten(0, 2)


GPT_NEOX = Family("gpt_neox", read_config, weights)
