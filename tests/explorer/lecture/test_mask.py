"""Notes 4 and 5: what the mask hides, and where queries, keys and values come from."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer.lecture.mask import crossing
from tests.explorer.drawn import plots


@pytest.fixture
def mask_page(open_page):
    return open_page("mask")


def caption(app: AppTest, start: str) -> str:
    return next(found.value for found in app.caption if found.value.startswith(start))


def test_an_edit_stays_in_its_row_and_behind_the_mask(mask_page):
    mask_page.text_input(key="widget:line1").set_value("<b>no|*a*").run()
    with_mask = caption(mask_page, "Largest |Δ logit|: ")
    mask_page.toggle(key="widget:causal").set_value(False).run()
    without = caption(mask_page, "Largest |Δ logit|: ")
    assert not mask_page.exception
    assert "in the other rows 0, before the edit 0. Loss" in with_mask
    assert "in the other rows 0, before the edit 0. Loss" not in without and "in the other rows 0," in without


def test_the_curves_of_the_mask_wait_for_a_guess(mask_page):
    before = len(plots(mask_page))
    pills = next(group for group in mask_page.get("button_group") if group.key == "notes:cheating:guess")
    pills.set_value("2.5").run()
    next(button for button in mask_page.button if button.label == "Guess").click().run()
    assert len(plots(mask_page)) == before + 1
    assert any("You guessed 2.5. The answer is" in found.value.replace("\\", "") for found in mask_page.markdown)


def test_a_link_opens_what_was_chosen(open_app):
    app = open_app(mask="False", reads=crossing.CROSS).switch_page("../pages/mask.py").run()
    assert not app.exception and not app.toggle(key="widget:causal").value
    assert "k and v from y" in caption(app, "q comes from x")


def test_cross_attention_reads_another_sequence(mask_page):
    kinds = next(group for group in mask_page.get("button_group") if group.key == "widget:x-reads")
    kinds.set_value(crossing.CROSS).run()
    assert any("weights, 4 × 6: rectangular" in found.value for found in mask_page.markdown)
    assert "k and v from y" in caption(mask_page, "q comes from x")
