"""The Transformer block: the page's demonstrations run, and say what they measure."""

import numpy as np
import pytest

from explorer.figures.depth import FLOOR, gradients_by_depth
from explorer.figures.matrix import similarity_map


@pytest.fixture
def block_page(open_app):
    return open_app().switch_page("../pages/block.py").run()


def said(app, words):
    return next(found.value for found in app.caption if words in found.value)


def press(app, label, which):
    [button for button in app.button if button.label == label][which].click().run()
    assert not app.exception


def test_gradients_appear_after_a_guess_and_vanish_without_the_path(block_page):
    before = len(block_page.get("plotly_chart"))
    press(block_page, "Guess", 0)
    assert len(block_page.get("plotly_chart")) == before + 1
    factor = float(said(block_page, "You guessed no less").split("gets ")[1].split(" ×")[0])
    assert factor > 1000


def test_batchnorm_in_use_differs_from_training_and_layernorm_does_not(block_page):
    assert "features' true mean is 1" in said(block_page, "After 5 batches")
    assert "Rows have mean 0 and variance 1" in said(block_page, "whoever else is in the batch")
    next(group for group in block_page.get("button_group") if group.key == "norms:over").set_value("batch").run()
    assert "depends on the other examples" in said(block_page, "Columns have mean 0")


def test_a_loop_over_heads_gives_the_same_numbers(block_page):
    press(block_page, "Just show it", 1)
    assert float(said(block_page, "The outputs differ by at most").rstrip(".").rpartition(" ")[2]) < 1e-5
    assert list(block_page.dataframe[-1].value["tokens"]) == [32, 64, 128, 256]


def test_figures_take_what_no_logarithm_takes_and_refuse_what_is_no_square():
    drawn = gradients_by_depth({"a": np.array([0.0, 1.0])})
    assert list(drawn.data[0].y) == [FLOOR, 1.0]
    with pytest.raises(ValueError, match="no square"):
        similarity_map(np.zeros((2, 3)), axis="position")
