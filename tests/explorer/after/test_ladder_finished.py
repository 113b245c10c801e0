"""The finished trainings of the rungs: the file has what the recipes give, and the command goes on where it was."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from explorer.after.ladder import finished
from gpt import GPTConfig, Recipe, build_model, load_corpus
from gpt.after.ladder import paired_gain
from gpt.text.batches import split_ids
from gpt.text.tokenizer import CharTokenizer
from gpt.train import ladder
from gpt.train.estimate import count_active, count_parameters
from gpt.train.objectives.language import estimate_loss

LADDER = ladder.build_ladder()


@pytest.fixture(scope="module")
def val_ids():
    text = load_corpus("tinyshakespeare").text
    return split_ids(CharTokenizer.from_text(text).encode(text))[1]


def test_every_rung_was_trained_with_every_seed_on_as_many_tokens():
    trained = finished.read_ladder()
    assert list(trained) == list(LADDER) and finished.FILE.stat().st_size < 200_000
    for name, rung in trained.items():
        recipe = LADDER[name]
        assert (rung.parameters, rung.active) == (count_parameters(recipe.model), count_active(recipe.model))
        assert rung.tokens == recipe.steps * recipe.batch_size * recipe.model.block_size
        assert rung.seeds == finished.SEEDS and rung.losses.shape == rung.seconds.shape == (len(rung.seeds),)
        assert rung.curves.shape == (len(rung.seeds), len(rung.steps)) and rung.steps[-1] == recipe.steps
        assert np.abs(rung.losses - rung.curves[:, -1]).max() < 0.05  # the same model on more batches
        assert (rung.curves[:, 0] > rung.losses + 1.5).all()


@pytest.mark.parametrize("name", LADDER)
def test_the_curves_begin_where_todays_recipes_begin(name, val_ids):
    torch.manual_seed(finished.SEEDS[0])
    loss = estimate_loss(build_model(LADDER[name].model), val_ids, LADDER[name])
    assert finished.read_ladder()[name].curves[0, 0] == pytest.approx(loss, abs=2e-4)


def test_the_table_of_experts_has_shares_of_every_character():
    characters, shares = finished.read_experts()
    config = LADDER["rung-15"].model
    assert shares.shape == (config.n_layer, len(characters), config.experts) and len(set(characters)) > 50
    np.testing.assert_allclose(shares.sum(-1), 1, atol=2e-3)


def test_the_command_trains_what_is_missing_and_keeps_what_is_there(tmp_path, monkeypatch, capsys):
    config = GPTConfig(block_size=8, n_layer=1, n_head=1, n_embd=4)
    text = tmp_path / "text.txt"
    text.write_text("to be or not to be\n" * 50, encoding="utf-8")
    plain = Recipe(model=config, text=str(text), steps=2, batch_size=2, eval_every=1, eval_batches=1)
    tiny = {"plain": plain, "mixture": plain.changed(experts=2)}
    monkeypatch.setattr(ladder, "build_ladder", lambda: tiny)
    monkeypatch.setattr(finished, "LAST_BATCHES", 2)
    file, results = tmp_path / "ladder.json", []
    for seeds in ((3,), (3, 5)):
        monkeypatch.setattr(finished, "SEEDS", seeds)
        finished.train_ladder(file)
        results.append(json.loads(file.read_text(encoding="utf-8")))
    printed = capsys.readouterr().out
    assert [printed.count(f"{name} · seed {seed} ·") for name in tiny for seed in (3, 5)] == [1, 1, 1, 1]
    first, both = results
    assert both["plain"]["runs"]["3"] == first["plain"]["runs"]["3"] and set(both["mixture"]["runs"]) == {"3", "5"}
    assert both["plain"]["steps"] == [0, 1, 2] and both["plain"]["tokens"] == 2 * 2 * 8
    assert both["experts"] == first["experts"] and len(both["experts"]["shares"][0]) == len(
        first["experts"]["characters"]
    )


def test_the_docs_have_the_losses_and_gains_of_the_file():
    trained = finished.read_ladder()
    seeds = min(len(rung.seeds) for rung in trained.values())
    losses = {name: list(rung.losses[:seeds]) for name, rung in trained.items()}
    docs = (finished.ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    assert f"{seeds} seeds for weights and batches" in docs
    for name, mean in ((name, sum(some) / seeds) for name, some in losses.items()):
        assert f"| {LADDER[name].about} |" in docs and f" | {mean:.3f} | " in docs
    for below, name in pairwise(losses):
        gain = paired_gain(losses[below], losses[name])
        assert f"{gain.mean:+.3f} ± {gain.half_width:.3f}".replace("-", "−") in docs
