"""One head taken apart: what the page computes by hand is what the models compute."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from explorer.figures.vectors import token_vectors
from explorer.lecture.head import panel as head
from explorer.lecture.head.figures import stage_strip
from explorer.lecture.kit.finished import last_loss
from explorer.lecture.kit.training import finished_model, validation_rows
from gpt import GPT, GPTConfig, create_run, lecture, loss_of
from gpt.train.loop import train
from tests.explorer.drawn import plots

SMALL = GPTConfig(vocab_size=20, block_size=8, n_layer=2, n_head=2, n_embd=8)


@pytest.fixture
def head_page(open_page):
    return partial(open_page, "head")


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


def grids(app):
    """The numbers written in the cells of each matrix."""
    return [each["data"][1]["text"] for each in charts(app) if len(each["data"]) > 1 and "text" in each["data"][1]]


def test_the_lectures_own_example_comes_first(head_page):
    app = head_page(at="1")
    assert any("Token 1 reads" in found.value for found in app.markdown)
    assert any("Not divided by √16 here" in found.value for found in head_page(at="1", stage="3").markdown)
    app = head_page(at="1", stage="5")
    assert ["1.00", "0.16", "0.84"] in [grid[:3] for grid in grids(app)]  # wei[0] of the lecture, 1:02:00
    masked = next(grid for grid in grids(app) if "−∞" in grid)
    assert masked.count("−∞") == 28 and not app.exception


def test_the_stages_appear_one_at_a_time(head_page):
    app = head_page(matrices=head.UNTRAINED)
    titles = ["Every token", "q · k", "Divided by √32", "The mask", "Softmax", "The weighted sum of v"]
    for stage, title in enumerate(titles, 1):
        assert any(f"{stage} · {title}" in found.value for found in app.markdown)
        assert not any(f"{stage + 1} · " in found.value for found in app.markdown)
        forward = next(button for button in app.button if button.label == "Next")
        assert forward.disabled == (stage == 6)
        if stage < 6:
            forward.click().run()
            assert not app.exception and app.query_params["stage"] == str(stage + 1)


def test_the_scale_is_explained_with_a_link_to_its_note(head_page):
    app = head_page(stage="3")
    assert any("keeps the variance near 1" in found.value for found in app.caption)
    assert any("Note 6" in link.proto.label for link in app.get("page_link"))


def test_an_untrained_head_and_one_of_made_up_numbers_are_taken_apart(head_page):
    app = head_page(at="3", matrices=head.UNTRAINED)
    assert not app.exception and len(plots(app)) == 8  # with the three matrices, and the strip
    assert any("Token 3 · reads" in found.value.replace("\\", "") for found in app.markdown)
    app = choose(app, "Matrices of the head", head.RANDOM)
    assert not app.exception and len(plots(app)) == 8 and app.query_params["matrices"] == head.RANDOM
    app = head_page(at="3", matrices=head.RANDOM, stage="5")
    assert any("sums to 1.0000 over 4 tokens" in found.value for found in app.caption)


def test_a_trained_head_is_taken_apart_once_there_is_one(head_page, runs):
    app = choose(head_page(), "Matrices of the head", head.TRAINED)
    assert any("A finished run of ours" in found.value for found in app.caption) and len(plots(app)) == 8
    train(create_run(runs / "lecture-head-one-head", head.RECIPE.changed(steps=2, eval_batches=1)), torch.device("cpu"))
    app.run()
    assert not app.exception and len(plots(app)) == 8
    assert not any("A finished run of ours" in found.value for found in app.caption)


def test_the_finished_head_that_ships_has_the_loss_of_its_curve():
    model, rows = finished_model(head.NAME, head.LABEL, head.RECIPE), validation_rows(head.RECIPE, 2000)
    loss = loss_of(model(rows[:, :-1]), rows[:, 1:]).item()
    assert loss == pytest.approx(last_loss(head.NAME, head.LABEL), abs=0.05)


def test_a_link_opens_the_same_head(head_page):
    one, same, other = (grids(head_page(sentence="a rose", seed=seed, stage="5"))[-1] for seed in ("7", "7", "8"))
    assert one == same != other and len(one) == 6 * 7 / 2


def test_what_is_typed_is_escaped_and_nothing_is_an_empty_state(head_page):
    app = head_page(stage="2")
    app.text_input(key="widget:sentence").set_value("<b>é*").run()
    assert not app.exception and "&lt;" in json.dumps(charts(app)[3]["layout"])
    app.text_input(key="widget:sentence").set_value("").run()
    assert not app.exception and any("The sentence is empty" in found.value for found in app.markdown)


def test_the_strip_has_the_stages_so_far():
    stages = {"scores": np.eye(2), "mask": np.array([[1, -np.inf], [0, 1]]), "softmax": np.eye(2)}
    panels = [np.isfinite(panel.z).sum() for panel in stage_strip(stages, 2).data]
    assert panels == [4, 3, 0]


def test_a_stage_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="there is no stage 3; give 1 to 2"):
        stage_strip({"q": np.eye(2), "k": np.eye(2)}, 3)


def test_vectors_need_a_token_each():
    drawn = token_vectors(np.eye(2), ["a", "b"], 1)
    assert drawn.layout.shapes[0].y0 == 0.5 and drawn.data[0].zmax == 1
    with pytest.raises(ValueError, match="3 tokens need a vector each"):
        token_vectors(np.eye(2), ["a", "b", "c"], 0)
