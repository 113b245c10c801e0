"""One head taken apart: what the page computes by hand is what the models compute."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.figures.vectors import token_vectors
from explorer.lecture import head
from explorer.train import jobs
from gpt import GPT, GPTConfig, create_run, lecture
from gpt.train.loop import train
from tests.explorer.drawn import plots

SMALL = GPTConfig(vocab_size=20, block_size=8, n_layer=2, n_head=2, n_embd=8)


@pytest.fixture
def head_page(open_app, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)  # nothing starts behind the test's back
    return lambda **choices: open_app(**choices).switch_page("../pages/head.py").run()


def choose(app, label, value):
    return next(found for found in app.get("button_group") if found.label == label).set_value(value).run()


def charts(app):
    return [json.loads(found.spec) for found in plots(app)]


@pytest.mark.parametrize("changes", [{}, {"norm": "none", "bias": False}, {"norm": "post"}, {"scale": False}], ids=str)
def test_by_hand_is_what_the_model_computes(changes):
    torch.manual_seed(0)
    model = GPT(replace(SMALL, **changes)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    idx = torch.randint(20, (6,))
    _, cache = model.run_with_cache(idx[None], "blocks.1.attn.*")
    _, by_hand = lecture.head_by_hand(model, idx, layer=1, head=1)
    for name, value in {"q": by_hand.q, "k": by_hand.k, "v": by_hand.v, "z": by_hand.out}.items():
        assert torch.allclose(value, cache[f"blocks.1.attn.hook_{name}"][0, :, 1], atol=1e-4, rtol=1e-4)
    assert torch.allclose(by_hand.weights, cache["blocks.1.attn.hook_pattern"][0, 1], atol=1e-5)


def test_the_lectures_own_example_comes_first(head_page):
    app = head_page(at="1")
    grids = [each["data"][1]["text"] for each in charts(app) if len(each["data"]) > 1 and "text" in each["data"][1]]
    assert ["1.00", "0.16", "0.84"] in [grid[:3] for grid in grids]  # wei[0] of the lecture, 1:02:00
    masked = next(grid for grid in grids if "−∞" in grid)
    assert masked.count("−∞") == 28 and not app.exception
    assert any("Not divided by √16 here" in found.value for found in app.markdown)
    assert any("Token 1 reads" in found.value for found in app.markdown)


def test_an_untrained_head_and_one_of_made_up_numbers_are_taken_apart(head_page):
    app = head_page(at="3", matrices=head.UNTRAINED)
    assert not app.exception and len(plots(app)) == 13  # with the three matrices, and a finished curve
    assert any("Token 3 · reads" in found.value.replace("\\", "") for found in app.markdown)
    app = choose(app, "Matrices of the head", head.RANDOM)
    assert not app.exception and len(plots(app)) == 13 and app.query_params["matrices"] == head.RANDOM
    assert any("sums to 1.0000 over 4 tokens" in found.value for found in app.caption)


def test_a_trained_head_is_taken_apart_once_there_is_one(head_page, runs):
    app = choose(head_page(), "Matrices of the head", head.TRAINED)
    assert any("There is no trained head yet" in found.value for found in app.markdown)
    train(create_run(runs / "lecture-head-one-head", head.RECIPE.changed(steps=2, eval_batches=1)), torch.device("cpu"))
    app.run()
    assert not app.exception and len(plots(app)) == 13  # and the curves


def test_a_link_opens_the_same_head(head_page):
    one, same, other = (charts(head_page(sentence="a rose", seed=seed)) for seed in ("7", "7", "8"))
    grid = [found["data"][1]["text"] for found in (one[10], same[10], other[10])]
    assert grid[0] == grid[1] != grid[2] and len(grid[0]) == 6 * 7 / 2


def test_what_is_typed_is_escaped_and_nothing_is_an_empty_state(head_page):
    app = head_page()
    app.text_input(key="widget:sentence").set_value("<b>é*").run()
    assert not app.exception and "&lt;" in json.dumps(charts(app)[7]["layout"])
    app.text_input(key="widget:sentence").set_value("").run()
    assert not app.exception and any("The sentence is empty" in found.value for found in app.markdown)


def test_vectors_need_a_token_each():
    drawn = token_vectors(np.eye(2), ["a", "b"], 1)
    assert drawn.layout.shapes[0].y0 == 0.5 and drawn.data[0].zmax == 1
    with pytest.raises(ValueError, match="3 tokens need a vector each"):
        token_vectors(np.eye(2), ["a", "b", "c"], 0)
