"""Several heads: one head inserted into a model, and how different the heads of a layer are."""

from functools import partial

import numpy as np
import pytest
import torch

from explorer.lecture.head import panel as head
from explorer.opened import open_model
from explorer.shared.patterns import attention
from explorer.shared.prompt import read_prompt
from gpt import create_run
from gpt.lens.heads import pattern_distances
from gpt.train.loop import train
from tests.explorer.drawn import plots
from tests.explorer.elements import caption


@pytest.fixture
def multihead_page(open_page):
    return partial(open_page, "multihead")


def test_the_heads_of_the_chosen_model_are_compared_on_the_prompt(multihead_page):
    app = multihead_page(prompt="Before we proceed", layer="1")
    opened = open_model("runs/tiny")
    patterns = attention(opened, read_prompt(opened, "Before we proceed").ids)[1]
    apart = pattern_distances(torch.from_numpy(patterns))
    least = apart[np.triu_indices(3, 1)].min()
    assert not app.exception and f"and {(apart == least).nonzero()[0][0]} and" in caption(app, "In layer 1, heads")
    assert f"({least:.2f})" in caption(app, "differ most")


def test_a_head_that_was_inserted_here_is_drawn_and_opens_taken_apart(multihead_page, runs):
    assert len(plots(multihead_page())) == 4, "a finished curve, distances, the heads side by side, the output"
    train(create_run(runs / "lecture-head-one-head", head.RECIPE.changed(steps=2, eval_batches=1)), torch.device("cpu"))
    app = multihead_page()
    assert not app.exception and len(plots(app)) >= 2
    links = [str(link.proto) for link in app.get("page_link")]
    assert any("head" in link and "matrices=trained" in link for link in links)
