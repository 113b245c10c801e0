import json
import math
from dataclasses import FrozenInstanceError, asdict, replace

import pytest

from gpt import GPT, GPTConfig
from gpt.model.config import RopeScaling

SIZES = (
    "vocab_size",
    "block_size",
    "n_layer",
    "n_head",
    "n_embd",
    "ngrams",
    "ngram_rows",
    "experts",
    "experts_per_token",
)
SWITCHES = (
    "bias", "tie_weights", "residual", "projection", "mlp", "scale", "causal", "gated", "qk_norm", "parallel",
    "norm_weight", "zero_init", "token_shift",
)  # fmt: skip
CHOICES = ("activation", "positions", "norm", "norm_place")
FOLLOWING = ("n_kv_head", "d_head", "mlp_width")
POSITIVE = ("rope_base", "norm_eps", "rope_share")
NO_SIZE = (-1, 1.0, 2.5, math.nan, math.inf, True, "4", None, [4])

BAD = [
    *((name, value) for name in SIZES for value in NO_SIZE),
    *((name, 0) for name in SIZES if name != "n_layer"),
    *((name, value) for name in FOLLOWING for value in (*NO_SIZE, 0)),
    *((name, value) for name in POSITIVE for value in (0, -1.0, math.nan, math.inf, True, "1", None)),
    *((name, value) for name in ("window", "softcap") for value in (0, -1, math.nan, True, "4")),
    *(("rope_scaling", value) for value in ("linear", 2.0, {"kind": "linear", "factor": 2.0})),
    *(("dropout", value) for value in (-0.1, 1, 1.5, math.nan, math.inf, True, "0.1", None, [0.1])),
    *((name, value) for name in CHOICES for value in ("", "Relu", "relu ", None, True, 1, ["relu"], {"relu": 1})),
    *((name, value) for name in SWITCHES for value in (0, 1, 1.0, "yes", None, [])),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_with_its_field_value_and_remedy(name, value):
    with pytest.raises(ValueError, match=rf"GPTConfig\.{name}=.* does not work: \w+") as caught:
        GPTConfig(**{name: value})
    assert repr(value) in str(caught.value)


def test_features_must_divide_among_heads():
    with pytest.raises(ValueError, match=r"n_embd=10 .*multiple of n_head=4"):
        GPTConfig(n_embd=10, n_head=4)


def test_sinusoidal_positions_need_pairs_of_features():
    with pytest.raises(ValueError, match=r"n_embd=5 .*even"):
        GPTConfig(n_embd=5, n_head=1, positions="sinusoidal")
    GPTConfig(n_embd=5, n_head=1, positions="learned")


def test_good_values_stay_and_cannot_be_changed():
    config = GPTConfig(n_embd=96, n_head=3)
    assert config.d_head == 32
    with pytest.raises(FrozenInstanceError):
        config.n_embd = 4


def test_from_dict_is_the_inverse_of_asdict_and_of_json():
    scaling = RopeScaling("llama3", 8.0, original=512)
    for config in (
        GPTConfig(n_layer=1, norm="post", dropout=0.25, causal=False),
        GPTConfig(positions="rotary", rope_scaling=scaling, norm="rms", n_kv_head=2, d_head=48, activation="gelu"),
    ):
        assert GPTConfig.from_dict(asdict(config)) == config
        assert GPTConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_sizes_that_follow_are_computed_again_and_given_ones_stay():
    config = GPTConfig(n_embd=96, n_head=3)
    assert (config.n_kv_head, config.d_head, config.mlp_width) == (3, 32, 384)
    wider = replace(GPTConfig.from_dict(config.to_dict()), n_embd=120)
    assert (wider.n_kv_head, wider.d_head, wider.mlp_width) == (3, 40, 480)
    assert not {"n_kv_head", "d_head", "mlp_width"} & set(wider.to_dict())
    given = replace(GPTConfig(n_embd=96, n_head=3, d_head=16, mlp_width=100), n_embd=100)
    assert (given.d_head, given.mlp_width) == (16, 100)
    assert given.to_dict()["d_head"] == 16 and "n_kv_head" not in given.to_dict()


def test_gelu_in_an_old_file_is_the_one_it_was_trained_with():
    old = {"n_embd": 8, "n_head": 2, "activation": "gelu"}
    assert GPTConfig.from_dict(old).activation == "gelu_tanh"
    assert GPTConfig.from_dict(GPTConfig(activation="gelu").to_dict()).activation == "gelu"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"n_head": 4, "n_kv_head": 3}, "n_kv_head=3 .*n_head=4 must be a multiple"),
        ({"projection": False, "d_head": 8}, "d_head=8 .*without a projection n_head × d_head is 128"),
        ({"projection": False, "mlp_width": 8}, "mlp_width=8 .*without a projection it is 128"),
        ({"residual": False, "parallel": True}, "parallel=True .*residual=True"),
        ({"causal": False, "window": 4}, "window=4 .*causal=True"),
        ({"positions": "rotary", "d_head": 6, "rope_share": 0.5}, "rope_share=0.5 .*turns 3 of 6 features"),
    ],
)
def test_fields_that_do_not_go_together(changes, why):
    with pytest.raises(ValueError, match=why):
        GPTConfig(**changes)


@pytest.mark.parametrize(
    "values",
    [("yarn", 2.0), ("linear", 0), ("linear", math.nan), ("llama3", 8.0, 4.0, 1.0), ("llama3", 8.0, 1.0, 4.0, 0)],
)
def test_a_bad_rope_scaling_is_refused(values):
    with pytest.raises(ValueError, match=r"RopeScaling\.\w+=.* does not work: \w+"):
        RopeScaling(*values)


def test_from_dict_names_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"no field 'n_heads'; it has .*n_head"):
        GPTConfig.from_dict({"n_heads": 4})


def test_gpt_leaves_no_layers_to_the_bigram():
    with pytest.raises(ValueError, match=r"n_layer of at least 1.*build_model"):
        GPT(GPTConfig(n_layer=0))
