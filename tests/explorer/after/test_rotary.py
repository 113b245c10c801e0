"""The page of rotary positions: both tokens move and q · k stays."""

from functools import partial

import pytest

from explorer.after.rotary import training
from tests.explorer.elements import press, values


@pytest.fixture
def rotary_page(open_page):
    return partial(open_page, "rotary")


def test_both_tokens_move_and_their_score_stays(rotary_page):
    app = rotary_page(distance="3", walk="4")
    before = values(app)
    assert not app.exception and (before["Position of k"], before["Position of q"]) == ("4", "7")
    after = values(press(app, "Next"))
    assert (after["Position of k"], after["Position of q"], after["q · k"]) == ("5", "8", before["q · k"])
    assert values(rotary_page(distance="4", walk="4"))["q · k"] != before["q · k"]


def test_the_exercise_asks_for_the_cosine_of_the_distance(rotary_page):
    app = rotary_page()
    for box, answer in zip(app.number_input[-2:], (0.5, -0.5), strict=True):
        box.set_value(answer)
    app.run()
    for key in [button.key for button in app.button if button.label == "Check"]:
        app.button(key=key).click().run()
    assert len(app.success) == 1 and "wrong sign" in app.warning[0].value


def test_the_four_models_differ_in_their_positions_only():
    configs = [recipe.model.to_dict() for recipe in training.RECIPES.values()]
    assert [config.pop("positions") for config in configs] == ["rotary", "learned", "sinusoidal", "none"]
    assert all(config.pop("amplitude", None) in (None, 0.2) for config in configs) and len(configs) == 4
    assert all(config == configs[0] for config in configs)
