import math
from dataclasses import FrozenInstanceError, asdict

import pytest

from gpt import GPT, GPTConfig

SIZES = ("vocab_size", "block_size", "n_layer", "n_head", "n_embd")
SWITCHES = ("bias", "tie_weights", "residual", "projection", "mlp", "scale", "causal")
CHOICES = ("activation", "positions", "norm")
NO_SIZE = (-1, 1.0, 2.5, math.nan, math.inf, True, "4", None, [4])

BAD = [
    *((name, value) for name in SIZES for value in NO_SIZE),
    *((name, 0) for name in SIZES if name != "n_layer"),
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


def test_from_dict_is_the_inverse_of_asdict():
    config = GPTConfig(n_layer=1, norm="post", dropout=0.25, causal=False)
    assert GPTConfig.from_dict(asdict(config)) == config


def test_from_dict_names_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"no field 'n_heads'; it has .*n_head"):
        GPTConfig.from_dict({"n_heads": 4})


def test_gpt_leaves_no_layers_to_the_bigram():
    with pytest.raises(ValueError, match=r"n_layer of at least 1.*build_model"):
        GPT(GPTConfig(n_layer=0))
