"""The Transformer block: the page's demonstrations run, and say what they measure."""

import numpy as np
import pytest
import torch

from explorer.figures.matrix import similarity_map
from explorer.lecture.block import norms, parts, positions, residuals
from explorer.lecture.block.figures import FLOOR, gradients_by_depth
from explorer.opened import open_model
from explorer.shared.patterns import attention
from explorer.shared.prompt import read_prompt
from explorer.train import jobs
from gpt import PRESETS, create_run
from gpt.lens.heads import pattern_distances
from gpt.train.loop import train
from tests.explorer.drawn import plots

BRIEF = {"steps": 2, "eval_batches": 1, "eval_every": 2}


@pytest.fixture
def block_page(open_app, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)  # nothing starts behind the test's back
    return lambda **choices: open_app(**choices).switch_page("../pages/block.py").run()


def said(app, words):
    return next(found.value for found in app.caption if words in found.value)


def press(app, label, which):
    [button for button in app.button if button.label == label][which].click().run()
    assert not app.exception


def choose(app, key, value):
    return next(group for group in app.get("button_group") if group.key == f"widget:{key}").set_value(value).run()


def test_gradients_and_what_feedforward_buys_appear_after_a_guess(block_page):
    app = block_page()
    before = len(plots(app))
    next(group for group in app.get("button_group") if group.key == "block:residual:guess").set_value("no less").run()
    press(app, "Guess", 1)
    assert len(plots(app)) == before + 1
    assert any("You guessed no less. The answer is" in found.value for found in app.markdown)
    factor = float(said(app, "Without residual path and norm").split("gets ")[1].split(" ×")[0])
    assert factor > 1000
    press(app, "Just show it", 0)
    assert [found.value for found in app.metric] == ["2.28", "2.24"]


def test_batchnorm_in_use_differs_from_training_and_layernorm_does_not(block_page):
    app = block_page()
    assert "features' true mean is 1" in said(app, "After 5 batches")
    assert "Rows have mean 0 and variance 1" in said(app, "whatever else is in the batch")
    choose(app, "normalise", "batch")
    assert "depends on the other examples" in said(app, "Columns have mean 0")


def test_the_heads_of_the_chosen_model_are_compared_on_the_prompt(block_page):
    app = block_page(prompt="Before we proceed", layer="1")
    opened = open_model("runs/tiny")
    patterns = attention(opened, read_prompt(opened, "Before we proceed").ids)[1]
    apart = pattern_distances(torch.from_numpy(patterns))
    least = apart[np.triu_indices(3, 1)].min()
    assert not app.exception and f"and {(apart == least).nonzero()[0][0]} and" in said(app, "In layer 1, heads")
    assert f"({least:.2f})" in said(app, "differ most")


def test_models_that_were_trained_here_are_measured(block_page, runs):
    cpu = torch.device("cpu")
    recipes = {f"norms-{label}": recipe for label, recipe in norms.RECIPES.items()}
    recipes |= {"positions-learned": positions.RECIPES["learned"]}
    recipes |= {"depth-2-no-residual-no-norm": residuals.recipes(2)[residuals.BARE]}
    for name, recipe in recipes.items():
        train(create_run(runs / f"lecture-{name}", recipe.changed(**BRIEF)), cpu)
    app = block_page()
    choose(app, "positions", positions.HERE)
    press(app, "Just show it", 1)
    choose(app, "measured", residuals.AFTER)
    assert not app.exception and said(app, "Without residual path and norm").startswith("Grey: finished runs of ours.")
    choose(app, "blocks", 2)
    assert not app.exception
    assert "learned by runs/lecture\\-positions\\-learned" in said(app, "any two of")
    assert "the first of 2 blocks gets" in said(app, "Without residual path and norm")
    layer, batch = app.dataframe[-1].value.set_index("norm").loc[["layernorm", "batchnorm"]].to_numpy()
    assert layer == pytest.approx(5 * [layer[0]], abs=1e-5)
    assert batch[1] != pytest.approx(batch[-1], abs=1e-3)


def test_figures_take_what_no_logarithm_takes_and_refuse_what_is_no_square():
    drawn = gradients_by_depth({"a": np.array([0.0, 1.0])})
    assert list(drawn.data[0].y) == [FLOOR, 1.0]
    with pytest.raises(ValueError, match="no square"):
        similarity_map(np.zeros((2, 3)), axis="position")


def test_each_rung_is_its_preset_and_trained_beside_the_one_below(block_page, runs):
    for rung in parts.RUNGS:
        assert parts.recipe(rung).model == PRESETS[f"rung-{rung}"].model
    app = block_page(rung="4")
    next(button for button in app.button if button.key == "lecture:rung-4:train").click().run()
    assert not app.exception and "rung 4 2.24" in said(app, "In the lecture rung 3 reaches 2.28")
    assert {folder.name for folder in runs.glob("lecture-rung-*")} == {"lecture-rung-4-rung-3", "lecture-rung-4-rung-4"}
