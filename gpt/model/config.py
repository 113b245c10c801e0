"""The description of a model: its sizes, the switches that the lecture turns, and those of today's models."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Activation = Literal["relu", "relu2", "gelu", "gelu_tanh", "silu"]
Positions = Literal["learned", "sinusoidal", "rotary", "none"]
Norm = Literal["pre", "post", "batch", "rms", "none"]
NormPlace = Literal["pre", "post"]
ScalingKind = Literal["linear", "llama3"]
POSITIVE_SIZES = (
    "vocab_size", "block_size", "n_head", "n_embd", "ngrams", "ngram_rows", "experts", "experts_per_token",
)  # fmt: skip


class Derived(int):
    """A size that follows from other fields: `dataclasses.replace` computes it again, and `to_dict` leaves it out."""


@dataclass(frozen=True)
class RopeScaling:
    """How rotary positions are stretched to a longer context.

    "linear" divides every frequency by `factor` (Chen et al. 2023, arXiv:2306.15595). "llama3" divides only the slow
    ones: those that turn less than `low_freq_factor` times in `original` tokens; those that turn more than
    `high_freq_factor` times stay, and the ones between are mixed (Llama 3.1).
    Raises ValueError with the field, its value and the remedy.
    """

    kind: ScalingKind
    factor: float
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original: int = 8192  # tokens of the context before stretching

    def __post_init__(self) -> None:
        _check(self, "kind", self.kind in get_args(ScalingKind), f"choose one of {', '.join(get_args(ScalingKind))}")
        for name in ("factor", "low_freq_factor", "high_freq_factor"):
            _check(self, name, _is_positive(getattr(self, name)), "give a number above 0")
        _check(self, "high_freq_factor", self.high_freq_factor > self.low_freq_factor, "make it above low_freq_factor")
        _check(self, "original", _is_size(self.original), "give a whole number of at least 1")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RopeScaling":
        """Build from a JSON object. Raises ValueError on other fields, or without kind and factor."""
        known = [field.name for field in fields(cls)]
        if not {"kind", "factor"} <= set(values) <= set(known):
            raise ValueError(
                f"rope_scaling needs kind and factor, and may have {', '.join(known[2:])}; it has {', '.join(values)}"
            )
        return cls(**values)


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
    activation: Activation = "gelu_tanh"  # gelu_tanh is GPT-2's approximation of gelu; relu2 is the square of relu
    tie_weights: bool = False  # token embedding and unembedding share one matrix
    positions: Positions = "learned"
    amplitude: float | None = None  # of sinusoidal positions; None: the size that token embeddings start with
    norm: Norm = "pre"  # layernorm before each part or after it, batchnorm before it, or RMSNorm at `norm_place`
    residual: bool = True
    projection: bool = True  # attention's output matrix, and the MLP's second (with it, the MLP is 4 × n_embd wide)
    mlp: bool = True
    scale: bool = True  # scores divided by √d_head
    causal: bool = True
    n_kv_head: int = Derived()  # key and value heads, each shared by n_head / n_kv_head query heads; n_head
    d_head: int = Derived()  # features of a head; n_embd / n_head
    mlp_width: int = Derived()  # 4 × n_embd, or n_embd without a projection
    rope_base: float = 10_000.0
    rope_share: float = 1.0  # the share of a head's features that rotary positions turn
    rope_scaling: RopeScaling | None = None
    norm_place: NormPlace = "pre"  # of RMSNorm: before each part, or after it
    norm_eps: float = 1e-5
    norm_weight: bool = True  # norms multiply each feature by a learned γ
    gated: bool = False  # the MLP multiplies its features by a gate
    qk_norm: bool = False  # RMSNorm of each head's query and key
    parallel: bool = False  # attention and MLP read the same stream, side by side
    window: int | None = None  # a token reads this many tokens at most, itself included; None: all before it
    softcap: float | None = None  # logits are squeezed between −softcap and softcap; None: they are not
    zero_init: bool = False  # the output matrices of attention and MLP are zero at first, so a block changes nothing
    token_shift: bool = False  # attention and MLP read each token's features mixed with those of the token before
    ngrams: int = 1  # the longest n-gram: a vector for the last 2, 3, … this many tokens is added to each embedding
    ngram_rows: int = 8192  # of the table of these vectors
    experts: int = 1  # MLPs of a block; with several, a router chooses some of them for each token
    experts_per_token: int = 1  # how many it chooses

    def __post_init__(self) -> None:
        for name in POSITIVE_SIZES:
            _check(self, name, _is_size(getattr(self, name)), "give a whole number of at least 1")
        _check(
            self, "n_layer", _is_int(self.n_layer) and self.n_layer >= 0, "give a whole number; 0 is the bigram table"
        )
        self._derive("n_kv_head", self.n_head)
        if isinstance(self.d_head, Derived):
            _check(self, "n_embd", self.n_embd % self.n_head == 0, f"make it a multiple of n_head={self.n_head}")
        self._derive("d_head", self.n_embd // self.n_head)
        self._derive("mlp_width", 4 * self.n_embd if self.projection else self.n_embd)
        self._check_numbers()
        self._check_names()
        self._check_together()

    def _derive(self, name: str, size: int) -> None:
        if isinstance(getattr(self, name), Derived):
            object.__setattr__(self, name, Derived(size))
        _check(self, name, _is_size(getattr(self, name)), "give a whole number of at least 1")

    def _check_numbers(self) -> None:
        _check(
            self, "dropout", _is_number(self.dropout) and 0 <= self.dropout < 1,
            "give a share from 0 up to, not including, 1",
        )  # fmt: skip
        _check(
            self, "amplitude", self.amplitude is None or (_is_positive(self.amplitude) and self.amplitude <= 100),
            "give a number above 0, up to 100, or None",
        )  # fmt: skip
        for name in ("rope_base", "norm_eps"):
            _check(self, name, _is_positive(getattr(self, name)), "give a number above 0")
        _check(self, "softcap", self.softcap is None or _is_positive(self.softcap), "give a number above 0, or None")
        _check(self, "window", self.window is None or _is_size(self.window), "give a whole number above 0, or None")
        _check(
            self, "rope_share", _is_positive(self.rope_share) and self.rope_share <= 1, "give a share above 0, up to 1"
        )

    def _check_names(self) -> None:
        for name, kind in (
            ("activation", Activation), ("positions", Positions), ("norm", Norm), ("norm_place", NormPlace),
        ):  # fmt: skip
            _check(self, name, getattr(self, name) in get_args(kind), f"choose one of {', '.join(get_args(kind))}")
        _check(self, "qkv_bias", type(self.qkv_bias) in (bool, type(None)), "give True, False or None")
        scaling: Any = self.rope_scaling
        _check(self, "rope_scaling", isinstance(scaling, RopeScaling | None), "give a RopeScaling, or None")
        for field in fields(self):
            if field.type is bool:
                _check(self, field.name, isinstance(getattr(self, field.name), bool), "give True or False")

    def _check_together(self) -> None:
        """Check fields that depend on each other."""
        shares = self.n_head % self.n_kv_head == 0
        _check(self, "n_kv_head", shares, f"n_head={self.n_head} must be a multiple of it")
        even = self.positions != "sinusoidal" or self.n_embd % 2 == 0
        _check(self, "n_embd", even, "sinusoidal positions need an even n_embd")
        if self.positions == "rotary":
            remedy = f"it turns {self.n_turned} of {self.d_head} features; make that an even number"
            _check(self, "rope_share", self.n_turned >= 2 and self.n_turned % 2 == 0, remedy)
        enough = self.experts_per_token <= self.experts
        _check(self, "experts_per_token", enough, f"the model has experts={self.experts}; give at most that")
        masked = self.window is None or self.causal
        _check(self, "window", masked, "only a model with causal=True can have one")
        added = self.residual or not self.parallel
        _check(self, "parallel", added, "only a model with residual=True can have it: both parts add to one stream")
        writes = self.residual and self.projection
        _check(
            self,
            "zero_init",
            writes or not self.zero_init,
            "only a model with residual=True and projection=True has it",
        )
        if not self.projection:
            width = self.n_head * self.d_head
            _check(self, "d_head", width == self.n_embd, f"without a projection n_head × d_head is {self.n_embd}")
            _check(self, "mlp_width", self.mlp_width == self.n_embd, f"without a projection it is {self.n_embd}")

    @property
    def has_qkv_bias(self) -> bool:
        """Whether queries, keys and values have a bias."""
        return self.bias if self.qkv_bias is None else self.qkv_bias

    @property
    def has_pos_embed(self) -> bool:
        """Whether a vector for each position is added to the token embeddings."""
        return self.positions in ("learned", "sinusoidal")

    @property
    def n_turned(self) -> int:
        """How many features of a query or key rotary positions turn."""
        return self.d_head if self.rope_share == 1 else int(self.d_head * self.rope_share)

    @property
    def norm_first(self) -> bool:
        """Whether each part reads a normalised stream; then there is one more norm before the unembedding."""
        return self.norm in ("pre", "batch") or (self.norm == "rms" and self.norm_place == "pre")

    @property
    def norm_last(self) -> bool:
        """Whether the stream is normalised after each part."""
        return self.norm != "none" and not self.norm_first

    def to_dict(self) -> dict[str, Any]:
        """Return the config as a JSON object, without the sizes that follow from others."""
        return {name: value for name, value in asdict(self).items() if not isinstance(value, Derived)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "GPTConfig":
        """Build from a JSON object. Raises ValueError on a field that GPTConfig does not have.

        An object without "gated" is of a time when "gelu" meant gelu_tanh.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(
                f"GPTConfig has no field {', '.join(map(repr, unknown))}; it has {', '.join(sorted(known))}"
            )
        if values.get("activation") == "gelu" and "gated" not in values:
            values = values | {"activation": "gelu_tanh"}
        if isinstance(scaling := values.get("rope_scaling"), dict):
            values = values | {"rope_scaling": RopeScaling.from_dict(scaling)}
        return cls(**values)


def _check(config: GPTConfig | RopeScaling, name: str, good: bool, remedy: str) -> None:
    if not good:
        raise ValueError(f"{type(config).__name__}.{name}={getattr(config, name)!r} does not work: {remedy}")


def _is_positive(value: Any) -> bool:
    return _is_number(value) and 0 < value < float("inf")


def _is_size(value: Any) -> bool:
    return _is_int(value) and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
