"""The families that a model can be written as, and which switches each has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gpt.checkpoints import gpt2
from gpt.checkpoints.family import Family
from gpt.model.bigram import Bigram
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel
from gpt.model.seq2seq import Seq2Seq

OTHER_KINDS: dict[type, str] = {
    Bigram: "it has no layers",
    RewardModel: "it gives a reward, not the next token",
    Seq2Seq: "it has an encoder",
}
BLOCK = {"residual": (True,), "projection": (True,), "mlp": (True,), "scale": (True,), "causal": (True,)}
NEITHER = {"unembed_bias": (False,), "qk_norm": (False,), "parallel": (False,), "window": (None,), "softcap": (None,)}


@dataclass(frozen=True)
class Target:
    """A family to write a model as."""

    name: str  # for people
    family: Family
    switches: Callable[[GPTConfig], Mapping[str, tuple[Any, ...]]]  # field of GPTConfig → the values the family has
    values: Callable[[GPTConfig], dict[str, Any]]  # what config.json says
    names: frozenset[str] = frozenset()  # tensors that tell `family.weights` how the file names them

    def differences(self, config: GPTConfig) -> dict[str, tuple[Any, ...]]:
        """Return the switches that this model has and the family does not: field → the family's values."""
        switches = self.switches(config)
        return {name: values for name, values in switches.items() if getattr(config, name) not in values}


def find_target(config: GPTConfig, kind: type = GPT) -> Target:
    """Return the first of `TARGETS` that expresses a model.

    Raises ValueError for a model of another kind, and for switches that no family has; it names each with its value.
    """
    kind = Bigram if config.n_layer == 0 else kind
    families = " or ".join(target.name for target in TARGETS)
    if kind is not GPT:
        why = OTHER_KINDS.get(kind, "it may compute something else")
        raise ValueError(
            f"a {kind.__name__} cannot be written as {families}: {why}. Give a GPT, which predicts the next token"
        )
    for target in TARGETS:
        if not target.differences(config):
            return target
    nearest = min(TARGETS, key=lambda target: len(target.differences(config)))
    missing = nearest.differences(config)
    theirs = ", ".join(f"{name}={' or '.join(map(repr, values))}" for name, values in missing.items())
    ours = ", ".join(f"{name}={getattr(config, name)!r}" for name in missing)
    raise ValueError(
        f"this model cannot be written as {families}. {nearest.name} has {theirs}, this model {ours}; a model with "
        f"{nearest.name}'s values can be written"
    )


def _gpt2_switches(config: GPTConfig) -> dict[str, tuple[Any, ...]]:
    sizes = {"n_kv_head": (config.n_head,), "d_head": (config.n_embd // config.n_head,)}
    activations = tuple(dict.fromkeys(gpt2.ACTIVATIONS.values()))
    own = {"positions": ("learned",), "norm": ("pre",), "gated": (False,), "activation": activations}
    return own | sizes | BLOCK | NEITHER


def _gpt2_values(config: GPTConfig) -> dict[str, Any]:
    activation = next(theirs for theirs, ours in gpt2.ACTIVATIONS.items() if ours == config.activation)
    return {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": config.vocab_size,
        "n_positions": config.block_size, "n_ctx": config.block_size, "n_layer": config.n_layer,
        "n_head": config.n_head, "n_embd": config.n_embd, "n_inner": config.mlp_width,
        "activation_function": activation,
        "layer_norm_epsilon": config.norm_eps, "resid_pdrop": config.dropout, "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout, "tie_word_embeddings": config.tie_weights, "bos_token_id": None,
        "eos_token_id": None,
    }  # fmt: skip


TARGETS = (Target("GPT-2", gpt2.GPT2, _gpt2_switches, _gpt2_values, frozenset({f"{gpt2.PREFIX}wte.weight"})),)
