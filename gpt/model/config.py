"""The description of a model: its sizes, and the switches that the lecture turns."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

Activation = Literal["relu", "gelu"]
Positions = Literal["learned", "sinusoidal", "none"]
Norm = Literal["pre", "post", "batch", "none"]


@dataclass(frozen=True)
class GPTConfig:
    """Sizes and switches of a decoder-only Transformer, or of each half of an encoder-decoder (`Seq2Seq`).

    `n_layer=0` describes rung 1 of the ladder, the bigram table (`gpt.build_model` returns a `Bigram`).
    Raises ValueError with the field, its value and the remedy.
    Source: lecture 00:22:11 to 01:37:49; sizes as in nanoGPT.
    """

    vocab_size: int = 65
    block_size: int = 64  # the longest context, in tokens
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    dropout: float = 0.0
    bias: bool = True  # in linear layers and layernorms
    qkv_bias: bool | None = None  # in the query, key and value matrices; None: as `bias`
    unembed_bias: bool = False
    activation: Activation = "gelu"
    tie_weights: bool = False  # token embedding and unembedding share one matrix
    positions: Positions = "learned"
    amplitude: float | None = None  # of sinusoidal positions; None: the size that token embeddings start with
    norm: Norm = "pre"  # layernorm before each part or after it, or batchnorm before each part
    residual: bool = True
    projection: bool = True  # attention's output matrix, and the MLP's second (with it, the MLP is 4 × n_embd wide)
    mlp: bool = True
    scale: bool = True  # scores divided by √d_head
    causal: bool = True

    def __post_init__(self) -> None:
        for name in ("vocab_size", "block_size", "n_head", "n_embd"):
            self._check(
                name, _is_int(getattr(self, name)) and getattr(self, name) >= 1, "give a whole number of at least 1"
            )
        self._check(
            "n_layer", _is_int(self.n_layer) and self.n_layer >= 0, "give a whole number; 0 is the bigram table"
        )
        self._check("n_embd", self.n_embd % self.n_head == 0, f"make it a multiple of n_head={self.n_head}")
        self._check(
            "n_embd", self.positions != "sinusoidal" or self.n_embd % 2 == 0, "sinusoidal positions need an even n_embd"
        )
        self._check(
            "dropout", _is_number(self.dropout) and 0 <= self.dropout < 1, "give a share from 0 up to, not including, 1"
        )
        self._check(
            "amplitude",
            self.amplitude is None or _is_amplitude(self.amplitude),
            "give a number above 0, up to 100, or None",
        )
        for name, kind in (("activation", Activation), ("positions", Positions), ("norm", Norm)):
            self._check(name, getattr(self, name) in get_args(kind), f"choose one of {', '.join(get_args(kind))}")
        self._check("qkv_bias", type(self.qkv_bias) in (bool, type(None)), "give True, False or None")
        for field in fields(self):
            if field.type is bool:
                self._check(field.name, isinstance(getattr(self, field.name), bool), "give True or False")

    def _check(self, name: str, good: bool, remedy: str) -> None:
        if not good:
            raise ValueError(f"GPTConfig.{name}={getattr(self, name)!r} does not work: {remedy}")

    @property
    def d_head(self) -> int:
        """The number of features of one head."""
        return self.n_embd // self.n_head

    @property
    def has_qkv_bias(self) -> bool:
        """Whether queries, keys and values have a bias."""
        return self.bias if self.qkv_bias is None else self.qkv_bias

    @property
    def norm_first(self) -> bool:
        """Whether each part reads a normalised stream; then there is one more norm before the unembedding."""
        return self.norm in ("pre", "batch")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "GPTConfig":
        """Build from a JSON object. Raises ValueError on a field that GPTConfig does not have."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(
                f"GPTConfig has no field {', '.join(map(repr, unknown))}; it has {', '.join(sorted(known))}"
            )
        return cls(**values)


def _is_amplitude(value: Any) -> bool:
    return _is_number(value) and 0 < value <= 100


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
