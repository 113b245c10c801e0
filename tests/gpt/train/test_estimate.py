"""What a recipe needs is counted before anything is built, and agrees with what is built."""

from dataclasses import fields, replace
from types import NoneType
from typing import get_args

import pytest
import torch
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from gpt import PRESETS, GPTConfig, Recipe, RunError, build_model
from gpt.model.config import Derived, RopeScaling
from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel
from gpt.model.seq2seq import Seq2Seq
from gpt.train import estimate as module
from gpt.train.estimate import check_fits, check_opens, count_parameters, count_stored, estimate
from gpt.train.objectives import OBJECTIVES

SIZES = {
    "vocab_size": st.integers(1, 40), "block_size": st.integers(1, 20), "n_layer": st.integers(0, 4),
    "n_head": st.just(2),
    "n_embd": st.sampled_from([2, 4, 8, 16]), "dropout": st.just(0.0), "amplitude": st.none(),
    "n_kv_head": st.sampled_from([1, Derived()]), "d_head": st.sampled_from([Derived(), 6]),
    "mlp_width": st.sampled_from([Derived(), 5]), "rope_base": st.just(1e4), "rope_share": st.sampled_from([0.5, 1.0]),
    "rope_scaling": st.sampled_from([None, RopeScaling("linear", 2.0)]), "norm_eps": st.just(1e-5),
    "window": st.sampled_from([None, 3]), "softcap": st.sampled_from([None, 5.0]),
    "ngrams": st.sampled_from([1, 2, 4]), "ngram_rows": st.sampled_from([1, 30]),
    "experts": st.sampled_from([1, 3]), "experts_per_token": st.sampled_from([1, 2]),
}  # fmt: skip


def switch(kind) -> st.SearchStrategy:
    """Every value that a switch of GPTConfig can take, so that a new switch is varied as well."""
    values = get_args(kind) or (True, False)
    return st.sampled_from(
        [value for kind in values for value in ({bool: (True, False), NoneType: (None,)}.get(kind, (kind,)))]
    )


switches = {field.name: switch(field.type) for field in fields(GPTConfig) if field.name not in SIZES}


@st.composite
def configs(draw) -> GPTConfig:
    """Draw a config that can be, of every size and switch."""
    try:
        return GPTConfig(**{name: draw(values) for name, values in (SIZES | switches).items()})
    except ValueError:  # fields that do not go together
        reject()


SMALL = Recipe(
    model=GPTConfig(
        block_size=8, n_layer=1, n_head=1, n_embd=32, norm="none", residual=False, projection=False, mlp=False
    ),
    steps=5000,
)
GIANTS = ("n_layer", "n_embd", "block_size", "batch_size")


@given(configs(), st.sampled_from([GPT, Seq2Seq, RewardModel]))
def test_counts_are_those_of_the_built_model(config, kind):
    try:
        with torch.device("meta"):
            built = build_model(config, kind)
    except ValueError:  # a config that this kind of model cannot have
        assume(False)
    assert count_parameters(config, kind) == built.n_params
    assert count_stored(config, kind) == built.n_params + sum(buffer.numel() for buffer in built.buffers())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_fits_a_laptop(preset, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "machine_memory", lambda device=None: 8 * 10**9)
    needs = check_fits(PRESETS[preset], tmp_path)
    assert needs.parameters == count_parameters(PRESETS[preset].model, OBJECTIVES[PRESETS[preset].objective].kind)


@given(st.sampled_from(sorted(PRESETS)), st.sampled_from([*GIANTS, "steps", "eval_batches"]), st.integers(2, 10**30))
def test_more_of_anything_never_needs_less(preset, name, factor):
    small = PRESETS[preset]
    assume(name != "n_layer" or small.model.n_layer)
    value = getattr(small, name, None) or getattr(small.model, name)
    assume(hasattr(small.model, name) or value * factor < 2**53)
    before, after = estimate(small), estimate(small.changed(**{name: value * factor}))
    for part in ("parameters", "memory", "disk", "flops", "step_seconds", "evaluation_seconds", "seconds"):
        assert getattr(before, part) <= getattr(after, part), part


def test_parts_of_a_batch_need_less_memory():
    assert estimate(PRESETS["rung-7"], parts=8).memory < estimate(PRESETS["rung-7"]).memory


@pytest.mark.parametrize(
    ("changes", "numbers", "remedy"),
    [
        ({"n_embd": 100_000_000}, "over a million billion parameters needs over 1,000 TB of memory", "n_embd"),
        ({"n_layer": 10**9}, "3,168.0 billion parameters needs 365.3 TB", "n_layer"),
        ({"n_embd": 10**400}, "over a million billion parameters", "n_embd"),
        ({"block_size": 10**9}, "32.0 billion parameters", "block_size"),
        ({"batch_size": 10**9}, "7,584 parameters needs 29.6 TB of memory to train with a batch of 1.0 billion",
            "batch_size"),
        ({"batch_size": 10_000, "block_size": 1000}, r"needs \d+\.\d GB of memory", "batch_size"),
        ({"eval_batches": 10**9}, r"one evaluation of a model of 7,584 parameters would take about 4\.3 days",
            "eval_batches"),
        ({"steps": 10**9, "snapshots": 10**9}, r"1\.0 billion snapshots needs 30\.\d TB on disk", "fewer snapshots"),
        ({"steps": 10**15, "log_every": 10**15}, "the whole run of .* would take about .* years", "number of steps"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_numbers_and_a_remedy(changes, numbers, remedy, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "machine_memory", lambda device=None: 24 * 10**9)
    monkeypatch.setattr(module, "free_disk", lambda folder: 10**12)
    monkeypatch.setattr(module, "_best_device", lambda: "cpu")
    with pytest.raises(RunError, match=f"{numbers}.*{remedy}"):
        check_fits(SMALL.changed(**changes), tmp_path)


def test_disk_that_earlier_snapshots_took_is_not_asked_for_again(tmp_path, monkeypatch):
    recipe = Recipe(model=GPTConfig(n_embd=512), snapshots=100)
    monkeypatch.setattr(module, "free_disk", lambda folder: estimate(recipe).disk // 2)
    with pytest.raises(RunError, match="on disk"):
        check_fits(recipe, tmp_path)
    check_fits(recipe, tmp_path, written=90)


def test_a_model_opens_only_where_its_weights_fit(monkeypatch):
    config = replace(PRESETS["rung-7"].model, n_layer=10**9)
    with pytest.raises(RunError, match=r"weights needs .* of memory to open; this machine has"):
        check_opens(config)
    check_opens(PRESETS["rung-7"].model)
