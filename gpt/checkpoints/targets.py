"""The families that a model can be written as: which switches each has, and how its config.json names them."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from gpt.checkpoints import gpt2
from gpt.checkpoints.family import ACTIVATIONS, Family
from gpt.checkpoints.gpt_neox import GPT_NEOX
from gpt.checkpoints.llama import LLAMA
from gpt.checkpoints.mistral import MISTRAL
from gpt.checkpoints.qwen import QWEN2, QWEN3
from gpt.model.bigram import Bigram
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel
from gpt.model.seq2seq import Seq2Seq

Switches = dict[str, tuple[Any, ...]]  # field of GPTConfig → the values that a family has

OTHER_KINDS: dict[type, str] = {
    Bigram: "it has no layers",
    RewardModel: "it gives a reward, not the next token",
    Seq2Seq: "it has an encoder",
}
EVERY: Switches = {
    "residual": (True,), "projection": (True,), "mlp": (True,), "scale": (True,), "causal": (True,),
    "unembed_bias": (False,), "softcap": (None,), "norm_weight": (True,), "token_shift": (False,), "ngrams": (1,),
    "experts": (1,),
}  # fmt: skip
LIKE_LLAMA: Switches = EVERY | {
    "positions": ("rotary",), "rope_share": (1,), "norm": ("rms",), "norm_place": ("pre",), "gated": (True,),
    "parallel": (False,),
}  # fmt: skip
NO_BIAS: Switches = {"bias": (False,), "qkv_bias": (None, False)}


@dataclass(frozen=True)
class Target:
    """A family to write a model as."""

    name: str  # for people
    family: Family
    switches: Callable[[GPTConfig], Switches]
    values: Callable[[GPTConfig], dict[str, Any]]  # what config.json says, besides the vocabulary and the family
    names: frozenset[str] = frozenset()  # tensors that tell `family.weights` how the file names them

    def differences(self, config: GPTConfig) -> Switches:
        """Return the switches that this model has and the family does not: field → the family's values."""
        switches = self.switches(config)
        return {name: values for name, values in switches.items() if getattr(config, name) not in values}


def find_target(config: GPTConfig, kind: type = GPT) -> Target:
    """Return the first of `TARGETS` that expresses a model.

    Raises ValueError for a model of another kind, and for switches that no family has; it names each with its value.
    """
    kind = Bigram if config.n_layer == 0 else kind
    *others, last = (target.name for target in TARGETS)
    families = f"{', '.join(others)} or {last}"
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


def _equal_heads(config: GPTConfig) -> Switches:
    """Say that the heads share n_embd among them, with a key and a value of their own, and a plain MLP."""
    sizes: Switches = {"n_kv_head": (config.n_head,), "d_head": (config.n_embd // config.n_head,)}
    return sizes | {"norm": ("pre",), "gated": (False,), "qk_norm": (False,), "window": (None,)}


def _gpt2_switches(config: GPTConfig) -> Switches:
    own = {"positions": ("learned",), "parallel": (False,), "activation": tuple({*gpt2.ACTIVATIONS.values()})}
    return EVERY | _equal_heads(config) | own


def _gpt2_values(config: GPTConfig) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"], "n_positions": config.block_size, "n_ctx": config.block_size,
        "n_layer": config.n_layer, "n_head": config.n_head, "n_embd": config.n_embd, "n_inner": config.mlp_width,
        "activation_function": _activation(config), "layer_norm_epsilon": config.norm_eps,
        "resid_pdrop": config.dropout, "embd_pdrop": config.dropout, "attn_pdrop": config.dropout,
    }  # fmt: skip


def _neox_switches(config: GPTConfig) -> Switches:
    return EVERY | _equal_heads(config) | {"positions": ("rotary",)}


def _neox_values(config: GPTConfig) -> dict[str, Any]:
    return _sizes(config) | {
        "architectures": ["GPTNeoXForCausalLM"], "layer_norm_eps": config.norm_eps, "attention_bias": True,
        "use_parallel_residual": config.parallel, "rotary_pct": config.rope_share, "rotary_emb_base": config.rope_base,
        "hidden_dropout": config.dropout,
    }  # fmt: skip


def _llama_switches(config: GPTConfig) -> Switches:
    biases = tuple(dict.fromkeys((None, False, config.bias)))  # none in queries, keys and values only
    return LIKE_LLAMA | {"qk_norm": (False,), "window": (None,), "qkv_bias": biases}


def _llama_values(config: GPTConfig) -> dict[str, Any]:
    return _decoder_values(config, "Llama") | {"attention_bias": config.bias, "mlp_bias": config.bias}


def _mistral_switches(config: GPTConfig) -> Switches:
    return LIKE_LLAMA | NO_BIAS | {"qk_norm": (False,)}


def _mistral_values(config: GPTConfig) -> dict[str, Any]:
    return _decoder_values(config, "Mistral") | {"sliding_window": config.window}


def _qwen2_switches(config: GPTConfig) -> Switches:
    return LIKE_LLAMA | {"bias": (False,), "qkv_bias": (True,), "qk_norm": (False,)}


def _qwen2_values(config: GPTConfig) -> dict[str, Any]:
    return _decoder_values(config, "Qwen2") | _qwen_window(config)


def _qwen3_switches(config: GPTConfig) -> Switches:
    return LIKE_LLAMA | NO_BIAS | {"qk_norm": (True,)}


def _qwen3_values(config: GPTConfig) -> dict[str, Any]:
    return _decoder_values(config, "Qwen3") | _qwen_window(config) | {"attention_bias": False}


def _qwen_window(config: GPTConfig) -> dict[str, Any]:
    kind = "full_attention" if config.window is None else "sliding_attention"
    return {
        "use_sliding_window": config.window is not None, "sliding_window": config.window, "max_window_layers": 0,
        "layer_types": [kind] * config.n_layer,
    }  # fmt: skip


def _decoder_values(config: GPTConfig, name: str) -> dict[str, Any]:
    return _sizes(config) | {
        "architectures": [f"{name}ForCausalLM"], "num_key_value_heads": config.n_kv_head, "head_dim": config.d_head,
        "rms_norm_eps": config.norm_eps, "rope_theta": config.rope_base,
    }  # fmt: skip


def _sizes(config: GPTConfig) -> dict[str, Any]:
    return {
        "hidden_size": config.n_embd, "intermediate_size": config.mlp_width, "num_hidden_layers": config.n_layer,
        "num_attention_heads": config.n_head, "max_position_embeddings": config.block_size,
        "hidden_act": _activation(config), "attention_dropout": config.dropout, "rope_scaling": _scaling(config),
    }  # fmt: skip


def _scaling(config: GPTConfig) -> dict[str, Any] | None:
    scaling = config.rope_scaling
    if scaling is None:
        return None
    if scaling.kind == "linear":
        return {"rope_type": "linear", "factor": scaling.factor}
    values = asdict(scaling)
    return {"rope_type": values.pop("kind"), "original_max_position_embeddings": values.pop("original")} | values


def _activation(config: GPTConfig) -> str:
    return next(theirs for theirs, ours in ACTIVATIONS.items() if ours == config.activation)


GPT2_NAMES = frozenset({f"{gpt2.PREFIX}wte.weight"})
TARGETS = (  # a model is written as the first that has all its switches
    Target("GPT-2", gpt2.GPT2, _gpt2_switches, _gpt2_values, GPT2_NAMES),
    Target("Llama", LLAMA, _llama_switches, _llama_values),
    Target("Mistral", MISTRAL, _mistral_switches, _mistral_values),
    Target("Qwen 2", QWEN2, _qwen2_switches, _qwen2_values),
    Target("Qwen 3", QWEN3, _qwen3_switches, _qwen3_values),
    Target("GPT-NeoX", GPT_NEOX, _neox_switches, _neox_values),
)
