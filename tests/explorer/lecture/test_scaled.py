"""Note 6, scaled attention: what the page draws waits for a guess, and twins are measured."""

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.lecture.scaled import panel
from explorer.lecture.scaled.figures import two_lines
from gpt import create_run
from gpt.train.loop import train
from tests.explorer.drawn import plots


@pytest.fixture
def scaled_page(open_page):
    return open_page("scaled")


def caption(app: AppTest, start: str) -> str:
    return next(found.value for found in app.caption if found.value.startswith(start))


def choose(app: AppTest, key: str, value: str) -> None:
    next(group for group in app.get("button_group") if group.key == f"widget:{key}").set_value(value).run()
    assert not app.exception


def test_the_curves_wait_for_a_guess(scaled_page):
    before = len(plots(scaled_page))
    pills = next(group for group in scaled_page.get("button_group") if group.key == "notes:scale:guess")
    pills.set_value("0.05").run()
    [button for button in scaled_page.button if button.label == "Guess"][-1].click().run()
    assert len(plots(scaled_page)) == before + 4  # two curves, and the slopes without the scale and with it
    said = next(found.value.replace("\\", "") for found in scaled_page.markdown if "You guessed" in found.value)
    assert "You guessed 0.05. The answer is 1.0" in said and "Wrong" in said


def test_twins_are_measured_before_training_and_after_it(scaled_page, runs):
    assert "At size 128" in caption(scaled_page, "Measured on 16 rows")
    choose(scaled_page, "scaled-when", panel.AFTER)
    assert "Measured on 16 rows" in caption(scaled_page, "Grey: finished runs of ours. *Train* draws yours. Measured")
    for label, recipe in panel.recipes(8).items():
        run = create_run(runs / f"lecture-twins-8-{label.replace(' ', '-')}", recipe.changed(steps=2, eval_batches=1))
        train(run, torch.device("cpu"))
    scaled_page.run()
    assert not scaled_page.exception and "At size 8" in caption(scaled_page, "Measured on 16 rows")


def test_every_size_needs_a_value():
    sizes = np.array([4, 8])
    drawn = two_lines(sizes, sizes, sizes / 4, title="variance", log=True)
    assert [list(trace.y) for trace in drawn.data] == [[4, 8], [1, 2]] and drawn.layout.yaxis.type == "log"
    with pytest.raises(ValueError, match="sizes need as many values"):
        two_lines(sizes, sizes[:1], sizes, title="variance")
