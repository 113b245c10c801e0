"""Layernorm and batchnorm: the page says what each normalises over, and measures the models trained with them."""

import pytest
import torch

from explorer.lecture import norms
from explorer.train import jobs
from gpt import create_run
from gpt.train.loop import train


@pytest.fixture
def norms_page(open_app, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)  # nothing starts behind the test's back
    return lambda **choices: open_app(**choices).switch_page("../pages/norms.py").run()


def said(app, words):
    return next(found.value for found in app.caption if words in found.value)


def test_batchnorm_in_use_differs_from_training_and_layernorm_does_not(norms_page):
    app = norms_page()
    assert "features' true mean is 1" in said(app, "After 5 batches")
    assert "Rows have mean 0 and variance 1" in said(app, "whatever else is in the batch")
    next(group for group in app.get("button_group") if group.key == "widget:norm-over").set_value("batch").run()
    assert "depends on the other examples" in said(app, "Columns have mean 0")


def test_norms_that_were_trained_here_are_measured(norms_page, runs):
    for label, recipe in norms.RECIPES.items():
        brief = recipe.changed(steps=2, eval_batches=1, eval_every=2)
        train(create_run(runs / f"lecture-norms-{label}", brief), torch.device("cpu"))
    app = norms_page()
    assert not app.exception
    layer, batch = app.dataframe[-1].value.set_index("norm").loc[["layernorm", "batchnorm"]].to_numpy()
    assert layer == pytest.approx(5 * [layer[0]], abs=1e-5)
    assert batch[1] != pytest.approx(batch[-1], abs=1e-3)
