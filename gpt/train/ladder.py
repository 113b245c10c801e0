"""The ladder goes on: rungs 8 to 15, each the rung before with one part of today's models.

All have the parameters of `rung-7-small` within 1 % (of the experts, only those that a token uses count), read the same
batches and take the same number of steps; `mlp_width` makes up for what a part adds or saves. Muon has a rate of its
own for matrices; `embed_lr` gives the other parameters the rate that they have without it. No rate was tuned for a
rung.
"""

from dataclasses import replace
from typing import Any

from gpt.model.config import GPTConfig
from gpt.train.recipe import Recipe

FIRST = "rung-7-small"
_SMALL = Recipe(
    "Rung 7 at a size for two cores: layernorm, learned positions, ReLU",
    GPTConfig(
        block_size=64, n_layer=2, n_head=4, n_embd=64, activation="relu", qkv_bias=False, unembed_bias=True
    ),
    steps=600, batch_size=16, lr=4e-3, schedule="linear", final_lr=0.0, warmup=50, beta2=0.99, grad_clip=1.0,
    eval_every=30, eval_batches=20, snapshots=12, snapshot_type="float16",
)  # fmt: skip

ADDITIONS: dict[str, tuple[str, dict[str, Any]]] = {  # rung → what it is, and the switches that it changes
    "rung-8": ("RMSNorm: norms that take no mean out", {"norm": "rms"}),
    "rung-9": ("Rotary positions: queries and keys are turned", {"positions": "rotary", "mlp_width": 273}),
    "rung-10": ("A gated MLP, SwiGLU", {"gated": True, "activation": "silu", "mlp_width": 182}),
    "rung-11": ("Norms of queries and keys", {"qk_norm": True}),
    "rung-12": ("Grouped queries: two heads share a key and a value", {"n_kv_head": 2, "mlp_width": 203}),
    "rung-13": ("A sliding window: a token reads 16 tokens at most", {"window": 16}),
    "rung-14": ("Muon: orthogonal updates for matrices", {"optimizer": "muon", "lr": 1e-2, "embed_lr": 0.4}),
    "rung-15": ("A mixture of experts: each token uses one of four MLPs", {"experts": 4, "mlp_width": 201}),
}


def build_ladder() -> dict[str, Recipe]:
    """Return name → recipe: the small rung 7, then each rung with all additions up to its own."""
    ladder = {FIRST: _SMALL}
    recipe = _SMALL
    for name, (about, changes) in ADDITIONS.items():
        recipe = replace(recipe.changed(**changes), about=about)
        ladder[name] = recipe
    return ladder
