"""Notes 1 to 3 on attention: the page says of a model what is true of it."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer.lecture.notes import batch


@pytest.fixture
def notes_page(open_app):
    return open_app().switch_page("../pages/notes.py").run()


def caption(app: AppTest, start: str) -> str:
    return next(found.value for found in app.caption if found.value.startswith(start))


def test_order_is_nothing_to_the_model_without_positions_and_mask_alone(notes_page):
    assert not notes_page.exception
    assert "Order changes nothing in: no positions, no mask (largest" in caption(notes_page, "The model reads")


def test_a_single_letter_cannot_be_shuffled(notes_page):
    notes_page.text_input(key="widget:letters").set_value("a").run()
    assert not notes_page.exception and any("nothing to shuffle" in found.value for found in notes_page.markdown)


def test_an_edit_stays_in_its_row(notes_page):
    notes_page.text_input(key="widget:line1").set_value("<b>no|*a*").run()
    assert not notes_page.exception and "in the other rows: 0. " in caption(
        notes_page, "Largest |Δ logit| in the other"
    )


def test_the_batch_stands_in_the_link_and_is_reset_with_one_click(open_app):
    app = open_app(line0="ab", row="0", place="9", letter="<").switch_page("../pages/notes.py").run()
    assert not app.exception and app.text_input(key="widget:line0").value == "ab"
    assert app.slider(key="widget:column").value == 1  # the last letter that there is
    app.button(key="notes:reset").click().run()
    assert app.text_input(key="widget:line0").value == batch.BATCH[0] and not {
        each.name for each in batch.EDITED
    } & set(app.query_params)


def test_messages_sum_to_what_the_head_computes(open_app):
    app = open_app(prompt="hear me speak", layer="1", head="2", at="3").switch_page("../pages/notes.py").run()
    assert not app.exception and any(found.value.endswith("gathers**") for found in app.markdown)
    told = caption(app, "4 messages")
    assert "weights sum to 1.0000" in told and float(told.rstrip(".").rpartition(" ")[2]) < 1e-6
    weights = app.dataframe[0].value["weight"]
    assert weights[:4].sum() == pytest.approx(1) and weights[4:].isna().all()


def test_a_link_opens_what_was_chosen(open_app):
    app = open_app(word="drawer", shuffle="3").switch_page("../pages/notes.py").run()
    assert not app.exception and app.text_input(key="widget:letters").value == "drawer"
    assert app.number_input(key="widget:shuffle").value == 3
