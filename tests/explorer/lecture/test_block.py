"""The Transformer block: the page's demonstrations run, and say what they measure."""

from functools import partial

import numpy as np
import pytest
import torch

from explorer.lecture.block import parts, residuals
from explorer.lecture.block.figures import FLOOR, gradients_by_depth
from explorer.lecture.kit.finished import finished
from gpt import PRESETS, create_run
from gpt.train.loop import train
from tests.explorer.drawn import plots
from tests.explorer.elements import caption


@pytest.fixture
def block_page(open_page):
    return partial(open_page, "block")


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
    factor = float(caption(app, "Without residual path and norm").split("gets ")[1].split(" ×")[0])
    assert factor > 1000
    press(app, "Just show it", 0)
    assert [found.value for found in app.metric] == ["2.28", "2.24"]


def test_blocks_that_were_trained_here_are_measured(block_page, runs):
    recipe = residuals.recipes(2)[residuals.BARE].changed(steps=2, eval_batches=1, eval_every=2)
    train(create_run(runs / "lecture-depth-2-no-residual-no-norm", recipe), torch.device("cpu"))
    app = block_page()
    press(app, "Just show it", 1)
    choose(app, "measured", residuals.AFTER)
    assert not app.exception and caption(app, "Without residual path and norm").startswith(
        "Grey: finished runs of ours."
    )
    choose(app, "blocks", 2)
    assert not app.exception and "the first of 2 blocks gets" in caption(app, "Without residual path and norm")


def test_a_norm_of_zero_is_drawn_on_a_logarithmic_axis():
    drawn = gradients_by_depth({"a": np.array([0.0, 1.0])})
    assert list(drawn.data[0].y) == [FLOOR, 1.0]


def test_each_rung_is_its_preset_and_trained_beside_the_one_below(block_page, runs):
    for rung in parts.RUNGS:
        assert parts.recipe(rung).model == PRESETS[f"rung-{rung}"].model
    app = block_page(rung="4")
    next(button for button in app.button if button.key == "lecture:rung-4:train").click().run()
    assert not app.exception and "rung 4 2.24" in caption(app, "In the lecture rung 3 reaches 2.28")
    assert {folder.name for folder in runs.glob("lecture-rung-*")} == {"lecture-rung-4-rung-3", "lecture-rung-4-rung-4"}


def test_finished_gradients_ship_for_every_depth_that_the_page_offers():
    for depth in residuals.BLOCKS.options:
        shipped = finished(f"depth-{depth}")
        assert set(shipped) == set(residuals.recipes(depth))
        assert all(len(each.series("gradients")[1]) == depth for each in shipped.values())
