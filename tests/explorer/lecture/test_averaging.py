"""The averaging trick: what the page shows is what the three versions compute."""

import base64
import json

import numpy as np
import pytest
import torch

from explorer import state
from explorer.figures.matrix import number_grid
from explorer.lecture import averaging
from explorer.lecture.kit import edits
from gpt import lecture
from tests.explorer.drawn import plots


@pytest.fixture
def averaging_page(open_app):
    return lambda **choices: open_app(**choices).switch_page("../pages/averaging.py").run()


def grids(app):
    """The matrices that are drawn, in order; what is not there is NaN."""
    return [read(json.loads(found.spec)["data"]) for found in plots(app)]


def read(traces):
    """The matrix as its numbers are written into it."""
    cells, numbers = traces
    found = np.full(decoded(cells["z"]).shape, np.nan)
    rows, columns = decoded(numbers["y"]).astype(int), decoded(numbers["x"]).astype(int)
    found[rows, columns] = [float(text.replace("−", "-").replace("∞", "inf")) for text in numbers["text"]]
    return found


def decoded(values):
    """An array as Plotly sends it."""
    array = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return array.reshape([int(size) for size in values.get("shape", str(len(array))).split(",")])


def test_the_loops_fill_the_output_step_by_step(averaging_page):
    app = averaging_page(walk="10", seed="3")
    x = averaging.toy(3)
    read, filled = grids(app)[:2]
    assert not app.exception and np.allclose(read, x[1], atol=0.005)
    means = lecture.average_v1(x)[1].numpy()
    assert np.allclose(filled[:3], means[:3], atol=0.005) and np.isnan(filled[3:]).all()
    next(button for button in app.button if button.label == "Next").click()
    app.run()
    assert np.allclose(grids(app)[1][:4], means[:4], atol=0.005) and app.query_params["walk"] == "11"


def test_play_runs_to_the_last_step_and_stops(averaging_page):
    app = averaging_page(walk="30")
    next(button for button in app.button if button.label == "Play").click().run()
    app.run()
    assert app.query_params["walk"] == "31" and not app.exception
    assert [button.label for button in app.button if button.label in ("Play", "Pause")] == ["Play"]


def test_the_matrix_that_is_started_from_decides_the_product(averaging_page):
    app = averaging_page()
    assert grids(app)[3].tolist() == 3 * [[14, 16]]  # lecture 0:47:11
    assert any("a token reads from its future" in caption.value for caption in app.caption)
    app.get("button_group")[0].set_value("lower triangle").run()
    assert grids(app)[3].tolist() == [[2, 7], [8, 11], [14, 16]]
    app.get("button_group")[0].set_value("ones").run()
    assert np.allclose(grids(app)[3], np.array(averaging.EXAMPLE).sum(0))
    assert any("a token reads from its future" in caption.value for caption in app.caption)


def test_the_three_versions_are_one_on_the_page(averaging_page):
    app = averaging_page(seed="5")
    first, second = grids(app)[4:6]
    assert np.array_equal(first, second) and np.allclose(first, lecture.average_v1(averaging.toy(5))[0], atol=0.005)
    assert float(app.metric[0].value) < 1e-6
    told = next(caption.value for caption in app.caption if "the three versions are equal" in caption.value)
    assert float(told.split("at most ")[1].split(":")[0]) < 1e-6


def test_times_appear_after_a_guess(averaging_page):
    app = averaging_page()
    assert [metric.value for metric in app.metric][1:] == ["?", "?", "?"]
    next(group for group in app.get("button_group") if group.key == "averaging:v2:guess").set_value("2 ×").run()
    next(button for button in app.button if button.label == "Guess").click().run()
    slow, fast = (float(metric.value.split()[0]) for metric in app.metric[1:3])
    assert slow > fast > 0 and any("You guessed 2 ×" in found.value for found in app.markdown)


def test_a_softmax_of_zeros_averages(averaging_page):
    weights = grids(averaging_page())[-1]
    assert np.allclose(np.nan_to_num(weights), lecture.masked_softmax(torch.zeros(4, 4)), atol=0.005)


def test_a_grid_leaves_out_what_is_no_number():
    drawn = number_grid(np.array([[1.0, -np.inf], [np.nan, -2.0]]), rows="query", columns="key", marked=[(1, 1)])
    cells, numbers = drawn.data
    assert np.isnan(cells.z).tolist() == [[False, True], [True, False]]
    assert (list(numbers.x), list(numbers.y), numbers.text) == ([0, 1, 1], [0, 1, 0], ("1.00", "−2.00", "−∞"))
    assert len(drawn.layout.shapes) == 1
    with pytest.raises(ValueError, match="no matrix"):
        number_grid(np.zeros(3), rows="a", columns="b")


def test_a_link_opens_edited_scores_and_one_click_resets_them(averaging_page):
    app = averaging_page(edits="scores!1.0=2!0.3=<b>!9.9=1!2.1=-1.5~trick:lower triangle!0.0=3")
    scores = torch.zeros(4, 4)
    scores[1, 0], scores[2, 1] = 2, -1.5
    assert not app.exception and np.allclose(np.nan_to_num(grids(app)[-1]), lecture.masked_softmax(scores), atol=0.005)
    app.button(key="scores:reset").click().run()
    assert np.allclose(np.nan_to_num(grids(app)[-1]), lecture.masked_softmax(torch.zeros(4, 4)), atol=0.005)
    assert app.query_params["edits"] == "trick:lower triangle!0.0=3"


def test_edits_go_into_the_link_and_come_back(monkeypatch):
    link = {}
    monkeypatch.setattr(state, "read_choice", link.get)
    monkeypatch.setattr(state, "write_choices", link.update)
    first, other = np.zeros((3, 3), np.float32), np.ones((2, 2), np.float32)
    changed = first.copy()
    changed[1, 2], changed[0, 0] = -0.25, 7
    edits.keep("a: b, c", first, changed)
    edits.keep("other", other, 2 * other)
    assert np.array_equal(edits.applied("a: b, c", first), changed) and np.array_equal(
        edits.applied("other", other), 2 * other
    )
    assert np.array_equal(edits.applied("third", first), first)
    edits.keep("a: b, c", first, first)
    edits.keep("other", other, other)
    assert link["edits"] is None
