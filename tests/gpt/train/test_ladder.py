"""The rungs after the lecture: equal parameters, equal tokens, and one change each."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from gpt import GPTConfig, create_run, load_run
from gpt.model.experts import BALANCE_STEP
from gpt.train.estimate import count_active, count_parameters, estimate
from gpt.train.ladder import ADDITIONS, FIRST, build_ladder
from gpt.train.loop import Trainer, train
from gpt.train.presets import GROUPS, PRESETS

LADDER = build_ladder()


def test_the_command_line_and_the_form_list_the_rungs():
    assert GROUPS["The ladder goes on"] == LADDER
    assert list(LADDER) == [FIRST, *(f"rung-{number}" for number in range(8, 16))] and set(LADDER) <= set(PRESETS)


@pytest.mark.parametrize("name", LADDER)
def test_every_rung_has_the_parameters_and_tokens_of_the_first(name):
    first, recipe = LADDER[FIRST], LADDER[name]
    assert abs(count_active(recipe.model) / count_active(first.model) - 1) < 0.01
    for same in ("steps", "batch_size", "text", "schedule", "warmup", "eval_every", "eval_batches", "seed"):
        assert getattr(recipe, same) == getattr(first, same)
    assert recipe.model.block_size == first.model.block_size
    assert estimate(recipe).seconds < 60


def test_every_rung_changes_what_it_names_and_nothing_else():
    names = list(LADDER)
    for below, name in pairwise(names):
        changes = ADDITIONS[name][1]
        assert replace(LADDER[below].changed(**changes), about=LADDER[name].about) == LADDER[name]
        assert len(set(changes) - {"mlp_width", "activation", "lr", "embed_lr"}) == 1


def test_muon_leaves_the_rate_of_the_other_parameters():
    muon = LADDER["rung-14"]
    assert muon.lr * muon.embed_lr == pytest.approx(LADDER[FIRST].lr)


def test_only_the_mixture_has_more_parameters_than_a_token_uses():
    idle = {name: count_parameters(recipe.model) - count_active(recipe.model) for name, recipe in LADDER.items()}
    assert [name for name, count in idle.items() if count] == ["rung-15"] and idle["rung-15"] > 200_000


@pytest.fixture
def experts_run(tmp_path, corpus, short_samples):
    config = GPTConfig(block_size=8, n_layer=1, n_head=1, n_embd=8, experts=3, experts_per_token=2)
    recipe = LADDER["rung-15"].changed(model=config, text="own", steps=8, batch_size=4, eval_batches=1, snapshots=2)
    return create_run(tmp_path / "run", recipe, corpus)


def test_the_balance_of_experts_is_in_the_saved_state_and_in_snapshots(experts_run):
    trainer = Trainer(experts_run, torch.device("cpu"))
    for _ in range(5):
        trainer.advance()
    trainer.save()
    balance = trainer.model.blocks[0].mlp.balance
    assert torch.equal(Trainer(load_run(experts_run.folder), torch.device("cpu")).model.blocks[0].mlp.balance, balance)
    train(load_run(experts_run.folder), torch.device("cpu"))
    steps = load_run(experts_run.folder).model().blocks[0].mlp.balance / BALANCE_STEP
    torch.testing.assert_close(steps, steps.round(), atol=0.01, rtol=0)  # snapshots have float16
    assert steps.any() and steps.abs().max() <= 8.01


def test_a_mixture_of_experts_is_refused_in_parts(experts_run):
    with pytest.raises(ValueError, match="experts=3 cannot train in 2 parts: each would balance the experts"):
        train(experts_run, torch.device("cpu"), micro_batches=2)
