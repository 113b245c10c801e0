"""Recipes that have a name.

Sizes and rates of the rungs are the lecture's, those of `nanogpt-cpu` nanoGPT's (config/train_shakespeare_char.py and
its README).
"""

from dataclasses import dataclass, replace

from gpt.model.config import GPTConfig
from gpt.train.ladder import build_ladder
from gpt.train.recipe import Recipe

_TINY = GPTConfig(
    block_size=8,
    n_layer=1,
    n_head=1,
    n_embd=32,
    activation="relu",
    norm="none",
    residual=False,
    projection=False,
    mlp=False,
    qkv_bias=False,
    unembed_bias=True,
)
_RUNG_5 = replace(_TINY, n_layer=3, n_head=4, mlp=True, residual=True, projection=True)
_RUNG_7 = replace(_RUNG_5, norm="pre", block_size=256, n_layer=6, n_head=6, n_embd=384, dropout=0.2)
_NANOGPT = GPTConfig(block_size=64, n_layer=4, n_head=4, n_embd=128, bias=False)

# What the speedruns of nanoGPT found (github.com/KellerJordan/modded-nanogpt), and RWKV's token shift.
_FAST = Recipe(
    "Two layers: rotary positions, token shift, query and key norms, ReLU², zero outputs at first, Muon",
    replace(
        _NANOGPT, n_layer=2, positions="rotary", norm="rms", norm_weight=False, activation="relu2", qk_norm=True,
        zero_init=True, token_shift=True,
    ),
    steps=180, batch_size=16, optimizer="muon", lr=1e-2, embed_lr=3.0, schedule="linear", final_lr=0.0,
    weight_decay=0.0, beta2=0.99, grad_clip=1.0, eval_every=90,
)  # fmt: skip

_NGRAMS = replace(
    _FAST, about="fast-1.88, with a vector for the last 2, 3 and 4 characters added to each embedding",
    model=replace(_FAST.model, ngrams=4), steps=80, eval_every=40, snapshots=12, snapshot_type="float16",
)  # fmt: skip

GROUPS: dict[str, dict[str, Recipe]] = {}  # what the presets are for → name → recipe

GROUPS["The lecture's ladder"] = {
    "rung-1": Recipe("Bigram table: the next character from the present one", replace(_TINY, n_layer=0), lr=1e-2,
        steps=3000),
    "rung-2": Recipe("One head of self-attention, with positions", _TINY, steps=5000),
    "rung-3": Recipe("Four heads of size 8", replace(_TINY, n_head=4), steps=5000),
    "rung-4": Recipe("… and a feedforward layer", replace(_TINY, n_head=4, mlp=True), steps=5000),
    "rung-5": Recipe("Three blocks with residual connections", _RUNG_5, steps=5000),
    "rung-6": Recipe("… and layernorm", replace(_RUNG_5, norm="pre"), steps=5000),
    "rung-7": Recipe("Scaled up: 10.8 million parameters, for a GPU", _RUNG_7, batch_size=64, lr=3e-4, steps=5000),
}  # fmt: skip

GROUPS["The ladder goes on"] = build_ladder()

GROUPS["nanoGPT"] = {
    "nanogpt-cpu": Recipe(
        "nanoGPT's recipe for a laptop", replace(_NANOGPT, tie_weights=True), steps=2000, batch_size=12,
        schedule="cosine", warmup=100,
        weight_decay=0.1, beta2=0.99, grad_clip=1.0, eval_every=250,
    ),
    "fast-1.88": _FAST,
    "fast-1.88-ngrams": _NGRAMS,
}  # fmt: skip

GROUPS["Shakespeare"] = {
    "shakespeare-char": Recipe(
        "The model that ships: characters, 4 layers of 6 heads",
        replace(_NANOGPT, block_size=256, n_head=6, n_embd=192, activation="relu"),
        steps=2000, batch_size=16, optimizer="muon", lr=6e-3, schedule="linear", final_lr=0.0, warmup=50,
        weight_decay=0.1, beta2=0.99,
        grad_clip=1.0, precision="bfloat16", eval_every=250, eval_batches=50, snapshots=1, snapshot_type="float16",
    ),
    "shakespeare-bigram": Recipe(
        "Its bigram: rung 1 as it ships", replace(_TINY, n_layer=0), lr=1e-2, steps=3000, snapshots=12,
        snapshot_type="float16",
    ),
}  # fmt: skip

GROUPS["Tasks"] = {
    "induction": Recipe(
        "Two attention-only layers that learn to copy what came after the same letter before",
        GPTConfig(block_size=64, n_layer=2, n_head=4, n_embd=48, bias=False, mlp=False), text="repeats", steps=4000,
        lr=5e-4, schedule="linear", warmup=50, grad_clip=1.0, eval_every=100, eval_batches=20, snapshots=40,
        snapshot_type="float16",
    ),
    "translate": Recipe(
        "An encoder-decoder that turns dates in words into digits",
        GPTConfig(block_size=40, n_layer=1, n_head=4, n_embd=64, dropout=0.1),
        text="dates", objective="translation", steps=1000, batch_size=64, lr=3e-3, schedule="linear", final_lr=0.0,
        warmup=50,
        grad_clip=1.0, eval_every=50, eval_batches=20, snapshots=10, snapshot_type="float16",
    ),
}  # fmt: skip

# Recipes for a lesson: a curve that falls while one watches, on one core of a laptop.
GROUPS["Small and quick"] = {
    "quick": replace(
        _FAST, about="The best loss in a minute on one core: fast-1.88 with more steps", steps=1200, eval_every=50,
        eval_batches=20, log_every=5, snapshots=30,
    ),
}  # fmt: skip

# The stages of ChatGPT in miniature, lecture 1:48:53: each begins with the weights of the one before.
_PRETRAINED = GROUPS["Shakespeare"]["shakespeare-char"]
_STAGE = replace(
    _PRETRAINED, text="dialogues", start="chat-finetune", optimizer="adamw", precision="float32", snapshots=1
)

GROUPS["Chat stages"] = {
    "chat-finetune": replace(
        _STAGE, about="Finetuned to answer questions, on demonstrations", objective="finetune",
        start="shakespeare-char",
        steps=200, batch_size=16, lr=1e-3, warmup=10, eval_every=10, eval_batches=15, log_every=2,
    ),
    "chat-reward": replace(
        _STAGE, about="A reward model: which of two answers is preferred", objective="reward",
        model=replace(_STAGE.model, n_layer=2),
        steps=80, batch_size=16, lr=5e-4, warmup=5, eval_every=5, log_every=1,
    ),
    "chat-policy": replace(
        _STAGE, about="A policy that earns rewards, on a leash (PPO)", objective="ppo", reward="chat-reward",
        kl_weight=0.2, updates=4,
        steps=80, batch_size=64, lr=1.5e-4, warmup=4, final_lr=0.1, eval_every=4, eval_batches=15, log_every=1,
    ),
    "chat-dpo": replace(
        _STAGE, about="The same from the pairs alone (DPO)", objective="dpo", kl_weight=0.1, steps=40, batch_size=16,
        lr=1e-4, warmup=5,
        eval_every=5, eval_batches=15, log_every=1,
    ),
}  # fmt: skip

# A reward that arithmetic checks: a model that imitates sums, half of them wrong, and then learns from a check.
_SUMS = Recipe(
    "Imitates sums of which half are wrong",
    replace(_FAST.model, block_size=36, n_embd=64), text="sums",
    steps=900, batch_size=32, optimizer="muon", lr=1e-2, schedule="linear", final_lr=0.0, warmup=20,
    weight_decay=0.0, beta2=0.99, grad_clip=1.0, eval_every=150, eval_batches=10, snapshots=1,
    snapshot_type="float16",
)  # fmt: skip

GROUPS["Checked sums"] = {
    "sums": _SUMS,
    "sums-grpo": replace(
        _SUMS, about="The same after rewards of 1 for each right sum (GRPO)", objective="grpo", start="sums",
        optimizer="adamw", lr=1e-3, schedule="constant", warmup=5, batch_size=512, updates=2, kl_weight=0.02,
        steps=160, eval_every=20, log_every=2,
    ),
}  # fmt: skip

PRESETS: dict[str, Recipe] = {name: recipe for presets in GROUPS.values() for name, recipe in presets.items()}


@dataclass(frozen=True)
class Published:
    """A validation loss that was published for a recipe on Tiny Shakespeare, in nats per character, and its source."""

    loss: float
    chapter: str  # of the lecture, h:mm:ss
    who: str = "lecture"


PUBLISHED: dict[str, Published] = {
    "rung-1": Published(2.5, "0:34:53"),
    "rung-2": Published(2.4, "1:19:11"),
    "rung-3": Published(2.28, "1:21:59"),
    "rung-4": Published(2.24, "1:24:25"),
    "rung-5": Published(2.08, "1:26:48"),
    "rung-6": Published(2.06, "1:32:51"),
    "rung-7": Published(1.48, "1:37:49"),
    "nanogpt-cpu": Published(1.88, "1:46:22", "nanoGPT"),
}
