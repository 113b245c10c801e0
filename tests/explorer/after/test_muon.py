"""The page of Muon: the walk of a real gradient, the exercises, the race, and the code in cells."""

from functools import partial

import numpy as np
import pytest
import torch

from explorer.after.muon import race
from explorer.after.muon.panel import _walked, default_walk, weight_steps
from explorer.figures.race import Racer
from explorer.lecture.kit.finished import last_loss
from explorer.opened import DEFAULT, open_model
from gpt import build_model
from gpt.after.muon import newton_schulz
from gpt.train.optim import Muon
from gpt.train.tail import Logged
from tests.explorer.elements import press, values
from tests.explorer.lecture.running import run

TINY, UP = "runs/tiny", "blocks.1.mlp.up.weight"


@pytest.fixture
def muon_page(open_page):
    return partial(open_page, "muon")


def test_each_step_shows_the_walk_of_the_chosen_gradient(muon_page):
    app = muon_page(model=TINY, **{"moved-matrix": UP, "weights-at": "2"}, walk="4")
    walked = _walked(open_model(TINY), 2, UP)
    assert not app.exception and values(app)["Between 0.68 and 1.21"] == f"{walked.inside[4]} of 12"
    after = values(press(app, "Next"))
    assert after["‖X Xᵀ − I‖"] == f"{walked.distances[5]:.2f}" and after["‖X − U Vᵀ‖"] == f"{walked.misses[5]:.2f}"
    assert not any("Muon stops" in caption.value for caption in app.caption)
    assert any("Muon stops after 5 steps" in caption.value for caption in press(app, "Last").caption)


def test_the_page_opens_on_the_weights_before_training(muon_page):
    app = muon_page(model=DEFAULT)
    assert not app.exception and app.get("select_slider")[0].value == 0
    assert any("layernorm subtracts the mean" in caption.value for caption in app.caption)
    assert any("Muon moves 1,769,472 of 1,845,312 parameters" in caption.value for caption in app.caption)
    assert any("Muon reaches AdamW's last loss after" in caption.value for caption in app.caption)


def test_the_weights_before_training_are_those_of_the_run(runs):
    opened = open_model(TINY)
    assert weight_steps(opened) == [0, 1, 2] and weight_steps(open_model(DEFAULT)) == [0, 2000]
    torch.manual_seed(opened.run.recipe.seed)
    built, first = build_model(opened.config).state_dict(), opened.run.model(0).state_dict()
    assert all(torch.equal(first[name], tensor) for name, tensor in built.items())


def test_a_bigram_has_no_matrices(muon_page):
    app = muon_page(model="runs/table")
    assert not app.exception and any("no matrices that Muon moves" in found.value for found in app.markdown)


def test_the_exercises_know_the_answers(muon_page):
    app = muon_page(model=TINY)
    answers = {"muon-hand": 0.34, "muon-majority": 4}
    for name, answer in answers.items():
        app.number_input(key=f"exercise:{name}:answer").set_value(answer)
    app.run()
    for name in answers:
        app.button(key=f"exercise:{name}:check").click().run()
    assert len(app.success) == 2 and "0.34445" in app.success[0].value
    assert default_walk().inside[3:5] == [39, 103]


def test_the_racers_differ_in_optimizer_and_learning_rate_only():
    recipes = [vars(recipe) | {"about": ""} for recipe in race.RECIPES.values()]
    one, other = recipes
    assert {name for name in one if one[name] != other[name]} == {"optimizer", "lr"}
    assert {one["optimizer"], other["optimizer"]} == {"adamw", "muon"}
    assert last_loss(race.NAME, "Muon") < last_loss(race.NAME, "AdamW") - 0.2


def test_seconds_follow_the_speed_of_the_run():
    steps = np.array([0.0, 10, 20])
    speeds = race.TOKENS * np.array([1.0, 10, 5])  # 1 second for the first ten steps, 2 for the next
    numbers = Logged({"tokens_per_s": (steps, speeds)})
    assert race.training_seconds("Muon", numbers, np.array([0, 5, 20])).tolist() == pytest.approx([0, 0.5, 3])
    by_median = race.training_seconds("Muon", Logged({}), np.array([1000.0]))
    assert by_median.tolist() == pytest.approx([race.STEP_TIMES["Muon"]])


def test_the_share_that_the_quick_one_needs():
    places, empty = np.arange(race.EVALUATIONS), (np.empty(0), np.empty(0))
    slow, quick = (Racer(name, "", empty, (places, 4 - slope * places)) for name, slope in (("a", 0.1), ("b", 0.4)))
    assert race.share_needed(slow, quick) == pytest.approx(0.25)
    assert race.share_needed(quick, slow) is None and race.share_needed(slow, Racer("b", "", empty, empty)) is None


def test_the_cells_step_as_the_optimizer_does():
    cells = run("muon", "step", gradient=torch.randn(4, 9, generator=torch.Generator().manual_seed(0)))
    x = cells["gradient"].double() / 10
    torch.testing.assert_close(cells["newton_schulz"](x), newton_schulz(x))
    cells = run("muon", "optimizer", newton_schulz=newton_schulz)
    weights = [torch.randn(shape, generator=torch.Generator().manual_seed(1)) for shape in ((4, 9), (9, 4))]
    copies = [weight.clone().requires_grad_() for weight in weights]
    ours, real = cells["Muon"](weights, lr=0.1), Muon(copies, lr=0.1, weight_decay=0.0)
    for seed in (2, 3):
        for weight, copy in zip(weights, copies, strict=True):
            weight.grad = copy.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
        ours.step()
        real.step()
    for weight, copy in zip(weights, copies, strict=True):
        torch.testing.assert_close(weight, copy.detach(), atol=1e-4, rtol=0)
