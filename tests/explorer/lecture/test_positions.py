"""Positional encoding: the page measures the models that were trained on it."""

from functools import partial

import numpy as np
import pytest
import torch

from explorer.figures.matrix import similarity_map
from explorer.lecture import positions
from gpt import create_run
from gpt.train.loop import train


@pytest.fixture
def positions_page(open_page):
    return partial(open_page, "positions")


def test_finished_positions_are_drawn_until_the_person_trains(positions_page):
    app = positions_page(positions=positions.HERE)
    assert not app.exception and any("learned by a finished run of ours" in found.value for found in app.caption)


def test_positions_that_were_trained_here_are_measured(positions_page, runs):
    recipe = positions.RECIPES["learned"].changed(steps=2, eval_batches=1, eval_every=2)
    train(create_run(runs / "lecture-positions-learned", recipe), torch.device("cpu"))
    app = positions_page()
    choice = next(group for group in app.get("button_group") if group.key == "widget:position-vectors")
    choice.set_value(positions.HERE).run()
    assert not app.exception
    assert any(
        "any two of" in found.value and "learned by runs/lecture\\-positions\\-learned" in found.value
        for found in app.caption
    )


def test_a_map_of_similarity_is_square():
    with pytest.raises(ValueError, match="no square"):
        similarity_map(np.zeros((2, 3)), axis="position")
