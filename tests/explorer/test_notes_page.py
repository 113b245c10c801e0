"""Notes on attention: the page says of a model what is true of it."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.figures.saturation import two_lines


@pytest.fixture
def notes_page(open_app):
    return open_app().switch_page("../pages/notes.py").run()


def caption(app: AppTest, start: str) -> str:
    return next(found.value for found in app.caption if found.value.startswith(start))


def test_order_is_nothing_to_the_model_without_positions_and_mask_alone(notes_page):
    assert not notes_page.exception
    assert "Order is nothing to: no positions, no mask (largest" in caption(notes_page, "Read as")


def test_a_single_letter_cannot_be_shuffled(notes_page):
    notes_page.text_input(key="notes:word").set_value("a").run()
    assert not notes_page.exception and any("nothing to shuffle" in found.value for found in notes_page.markdown)


def test_an_edit_stays_in_its_row_and_behind_the_mask(notes_page):
    notes_page.text_input(key="notes:row:1").set_value("<b>no|*a*").run()
    with_mask = caption(notes_page, "Largest |Δ logit|: ")
    notes_page.toggle(key="notes:mask").set_value(False).run()
    without = caption(notes_page, "Largest |Δ logit|: ")
    assert not notes_page.exception
    assert "in the other rows 0, before the edit 0." in with_mask
    assert "in the other rows 0, before the edit 0." not in without and "in the other rows 0," in without


def test_the_curves_wait_for_a_guess(notes_page):
    before = len(notes_page.get("plotly_chart"))
    guesses = [button for button in notes_page.button if button.label == "Guess"]
    guesses[-1].click().run()
    assert len(notes_page.get("plotly_chart")) == before + 2
    assert "You guessed 0.05" in caption(notes_page, "You guessed")


def test_every_size_needs_a_value():
    sizes = np.array([4, 8])
    drawn = two_lines(sizes, sizes, sizes / 4, title="variance", log=True)
    assert [list(trace.y) for trace in drawn.data] == [[4, 8], [1, 2]] and drawn.layout.yaxis.type == "log"
    with pytest.raises(ValueError, match="sizes need as many values"):
        two_lines(sizes, sizes[:1], sizes, title="variance")
