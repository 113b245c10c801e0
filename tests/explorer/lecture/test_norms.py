"""Layernorm and batchnorm: the page says what each normalises over, and measures the models trained with them."""

from functools import partial

import pytest
import torch

from explorer.lecture import norms
from gpt import create_run
from gpt.train.loop import train
from tests.explorer.elements import caption


@pytest.fixture
def norms_page(open_page):
    return partial(open_page, "norms")


def test_batchnorm_in_use_differs_from_training_and_layernorm_does_not(norms_page):
    app = norms_page()
    assert "features' true mean is 1" in caption(app, "After 5 batches")
    assert "Rows have mean 0 and variance 1" in caption(app, "whatever else is in the batch")
    next(group for group in app.get("button_group") if group.key == "widget:norm-over").set_value("batch").run()
    assert "depends on the other examples" in caption(app, "Columns have mean 0")


def test_norms_that_were_trained_here_are_measured(norms_page, runs):
    for label, recipe in norms.RECIPES.items():
        brief = recipe.changed(steps=2, eval_batches=1, eval_every=2)
        train(create_run(runs / f"lecture-norms-{label}", brief), torch.device("cpu"))
    app = norms_page()
    assert not app.exception
    layer, batch = app.dataframe[-1].value.set_index("norm").loc[["layernorm", "batchnorm"]].to_numpy()
    assert layer == pytest.approx(5 * [layer[0]], abs=1e-5)
    assert batch[1] != pytest.approx(batch[-1], abs=1e-3)
