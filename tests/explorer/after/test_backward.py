"""Backward by hand: a walk reveals gradients, and one logit waits for a prediction."""

import json

import pytest

from tests.explorer.elements import press


@pytest.fixture
def backward_page(open_app):
    return lambda **choices: open_app(**choices).switch_page("../pages/backward.py").run()


def boxes(app) -> dict[str, dict]:
    """The nodes of the graph: name → box."""
    for found in app.get("bidi_component"):
        sent = json.loads(found.proto.bytes) if found.proto.bytes.startswith(b'{"columns"') else {"columns": []}
        if sent["columns"]:
            return {box["name"]: box for column in sent["columns"] for box in column}
    raise AssertionError("the page has no graph")


def test_each_step_reveals_one_gradient_and_a_logit_waits_for_its_answer(backward_page):
    app = backward_page()
    assert not app.exception and all(box["gradient"] is None for box in boxes(app).values())
    app = press(app, "Next")
    assert [name for name, box in boxes(app).items() if box["gradient"]] == ["loss"]
    app = press(app, "Last")
    assert boxes(app)["z₁"]["gradient"] == [["−0.37"]] and boxes(app)["z₀"]["gradient"] == [["?"]]
    app.number_input[0].set_value(-0.231).run()
    app = press(app, "Check")
    assert "wrong sign" in app.warning[0].value and boxes(app)["z₀"]["gradient"] == [["?"]]
    app.number_input[0].set_value(0.23).run()
    app = press(app, "Check")
    assert "Right" in app.success[0].value and boxes(app)["z₀"]["gradient"] == [["0.23"]]
    assert float(app.metric[0].value) < 1e-12


def test_a_head_passes_no_gradient_to_the_future(backward_page):
    app = backward_page(graph="one head", walk="5")
    app = press(app, "Show the answer")
    gradient = boxes(app)["scores"]["gradient"]
    assert not app.exception and [gradient[0][1], gradient[0][2], gradient[1][2]] == ["0.00"] * 3
    assert "No gradient comes from the future" in app.info[0].value


def test_a_teacher_can_hide_the_answers(backward_page):
    assert "Show the answer" not in [button.label for button in backward_page(hide="answers").button]
