import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, PRESETS, GPTConfig, Recipe, build_model
from gpt.train.optim import lr_at
from gpt.train.recipe import snapshot_steps

COUNTS = ("steps", "batch_size", "eval_every", "eval_batches", "log_every", "snapshots")
NO_NUMBER = (math.nan, math.inf, -0.1, "1", None, True, [1])
BAD = [
    *((name, value) for name in COUNTS for value in (0, -1, 1.0, math.nan, True, "5", None, 2**63)),
    *((name, value) for name in ("warmup", "seed") for value in (-1, 1.0, True, "5", None, 2**63)),
    *(("lr", value) for value in (0, 11, *NO_NUMBER)),
    *(("embed_lr", value) for value in (0, 1001, *NO_NUMBER)),
    *(("grad_clip", value) for value in (0, *NO_NUMBER) if value is not None),
    *((name, value) for name in ("final_lr", "weight_decay", "beta2") for value in (1.1, *NO_NUMBER)),
    ("beta2", 1),
    *(
        (name, value)
        for name in ("optimizer", "schedule", "precision", "snapshot_type")
        for value in ("", "sgd", None, 1)
    ),
    *(("tokenizer", value) for value in ("", "words", "bpe", "bpe-", "bpe-x", "bpe--1", None, 5)),
    *((name, value) for name in ("about", "text") for value in (None, 5, ["x"])),
    *(("model", value) for value in (None, {}, "gpt2")),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_with_its_field_value_and_remedy(name, value):
    with pytest.raises(ValueError, match=rf"Recipe\.{name}=.* does not work: \w+") as caught:
        Recipe(**{name: value})
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_json(name):
    assert Recipe.from_dict(PRESETS[name].to_dict()) == PRESETS[name]


def test_from_dict_names_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"Recipe has no field 'learning_rate'; it has .*lr"):
        Recipe.from_dict({"learning_rate": 1})
    with pytest.raises(ValueError, match="GPTConfig has no field 'd_model'"):
        Recipe.from_dict({"model": {"d_model": 1}})


@pytest.mark.parametrize(
    ("rung", "expected"),
    [
        ("rung-2", {"n_head": 1, "n_embd": 32, "block_size": 8, "batch_size": 32, "lr": 1e-3, "steps": 5000}),
        ("rung-6", {"n_layer": 3, "n_head": 4, "n_embd": 32, "batch_size": 32, "lr": 1e-3, "norm": "pre"}),
        ("rung-7", {"n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": 256, "batch_size": 64, "dropout": 0.2}),
        ("nanogpt-cpu", {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64, "batch_size": 12, "steps": 2000}),
    ],
)
def test_presets_have_the_published_sizes(rung, expected):
    recipe = PRESETS[rung]
    found = {name: getattr(recipe.model if hasattr(recipe.model, name) else recipe, name) for name in expected}
    assert found == expected


@pytest.mark.parametrize(
    ("preset", "published"),
    [
        ("rung-7", 10_788_929),  # lecture 1:37:49
        ("nanogpt-cpu", 804_096),  # nanoGPT, train_shakespeare_char on a CPU: 0.80 M
    ],
)
def test_presets_have_the_published_number_of_parameters(preset, published):
    with torch.device("meta"):
        assert build_model(PRESETS[preset].model).n_params == published


def test_queries_keys_and_values_have_a_bias_of_their_own():
    shapes = {"n_embd": 8, "n_head": 2}
    for bias, qkv_bias, expected in (
        (True, None, True),
        (False, None, False),
        (True, False, False),
        (False, True, True),
    ):
        model = GPT(GPTConfig(**shapes, bias=bias, qkv_bias=qkv_bias, unembed_bias=not bias))
        assert (model.blocks[0].attn.qkv.bias is not None) == expected
        assert (model.unembed.bias is not None) == (not bias)
    with pytest.raises(ValueError, match=r"qkv_bias='no'"):
        GPTConfig(qkv_bias="no")


def test_sinusoids_have_the_amplitude_that_is_asked_for():
    for changes, amplitude in (({}, 0.02), ({"norm": "none"}, 1.0), ({"amplitude": 0.2}, 0.2)):
        model = GPT(GPTConfig(positions="sinusoidal", **changes))
        assert model.pos_embed.max().item() == pytest.approx(amplitude, rel=1e-3)
    for bad in (0, -1, True, "0.2"):
        with pytest.raises(ValueError, match=r"GPTConfig\.amplitude"):
            GPTConfig(amplitude=bad)


def test_learning_rates_by_hand():
    base = Recipe(lr=1.0, steps=110, warmup=10, final_lr=0.1)
    assert lr_at(0, base) == pytest.approx(1 / 11) and lr_at(9, base) == pytest.approx(10 / 11)
    assert {lr_at(step, base) for step in range(10, 110)} == {1.0}
    cosine = replace(base, schedule="cosine")
    assert [lr_at(step, cosine) for step in (10, 60, 110)] == pytest.approx([1.0, 0.55, 0.1])
    assert lr_at(35, cosine) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)
    linear = replace(base, schedule="linear")
    assert [lr_at(step, linear) for step in (10, 60, 110)] == pytest.approx([1.0, 0.55, 0.1])
    assert lr_at(35, linear) == pytest.approx(0.775)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.integers(1, 10_000), st.integers(0, 12_000), st.sampled_from(["constant", "cosine", "linear"]), st.floats(0, 1)
)
def test_learning_rates_rise_then_never_rise_again(steps, warmup, schedule, final):
    recipe = Recipe(lr=0.5, steps=steps, warmup=warmup, schedule=schedule, final_lr=final)
    rates = [lr_at(step, recipe) for step in range(0, steps, max(1, steps // 50))]
    peak = rates.index(max(rates))
    assert all(0 <= rate <= 0.5 for rate in rates) and rates[0] > 0
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(1, 200_000), st.integers(2, 100))
def test_snapshots_hold_both_ends_in_order(steps, count):
    chosen = snapshot_steps(steps, count)
    assert chosen == sorted(set(chosen)) and all(isinstance(step, int) for step in chosen)
    assert chosen[0] == 0 and chosen[-1] == steps and len(chosen) <= count + 2


def test_snapshots_are_dense_early_and_even_later():
    chosen = snapshot_steps(4000, 40)
    early, late = [s for s in chosen if 0 < s <= 1000], [s for s in chosen if s >= 1000]
    ratios = [b / a for a, b in itertools.pairwise(early)]
    strides = [b - a for a, b in itertools.pairwise(late)]
    assert max(ratios) < 1.5 and max(strides) - min(strides) <= 1
    assert len(early) == pytest.approx(len(late), abs=2)


def test_one_snapshot_is_the_last():
    assert snapshot_steps(500, 1) == [500]
