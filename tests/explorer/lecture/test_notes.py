"""Notes on attention: the page says of a model what is true of it."""

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.lecture.notes import crossing, mask, scale
from explorer.lecture.notes.figures import two_lines
from explorer.train import jobs
from gpt import create_run
from gpt.train.loop import train
from tests.explorer.drawn import plots


@pytest.fixture
def notes_page(open_app, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)  # nothing starts behind the test's back
    return open_app().switch_page("../pages/notes.py").run()


def caption(app: AppTest, start: str) -> str:
    return next(found.value for found in app.caption if found.value.startswith(start))


def choose(app: AppTest, key: str, value: str) -> None:
    next(group for group in app.get("button_group") if group.key == f"widget:{key}").set_value(value).run()
    assert not app.exception


def test_order_is_nothing_to_the_model_without_positions_and_mask_alone(notes_page):
    assert not notes_page.exception
    assert "Order changes nothing in: no positions, no mask (largest" in caption(notes_page, "The model reads")


def test_a_single_letter_cannot_be_shuffled(notes_page):
    notes_page.text_input(key="widget:letters").set_value("a").run()
    assert not notes_page.exception and any("nothing to shuffle" in found.value for found in notes_page.markdown)


def test_an_edit_stays_in_its_row_and_behind_the_mask(notes_page):
    notes_page.text_input(key="widget:line1").set_value("<b>no|*a*").run()
    with_mask = caption(notes_page, "Largest |Δ logit|: ")
    notes_page.toggle(key="widget:mask").set_value(False).run()
    without = caption(notes_page, "Largest |Δ logit|: ")
    assert not notes_page.exception
    assert "in the other rows 0, before the edit 0. Loss" in with_mask
    assert "in the other rows 0, before the edit 0. Loss" not in without and "in the other rows 0," in without


def test_the_batch_stands_in_the_link_and_is_reset_with_one_click(open_app):
    app = open_app(line0="ab", row="0", place="9", letter="<").switch_page("../pages/notes.py").run()
    assert not app.exception and app.text_input(key="widget:line0").value == "ab"
    assert app.slider(key="widget:column").value == 1  # the last letter that there is
    app.button(key="notes:reset").click().run()
    assert app.text_input(key="widget:line0").value == mask.BATCH[0] and not {each.name for each in mask.EDITED} & set(
        app.query_params
    )


def test_the_curves_wait_for_a_guess(notes_page):
    before = len(plots(notes_page))
    pills = next(group for group in notes_page.get("button_group") if group.key == "notes:scale:guess")
    pills.set_value("0.05").run()
    [button for button in notes_page.button if button.label == "Guess"][-1].click().run()
    assert len(plots(notes_page)) == before + 4  # two curves, and the slopes without the scale and with it
    said = next(found.value.replace("\\", "") for found in notes_page.markdown if "You guessed" in found.value)
    assert "You guessed 0.05. The answer is 1.0" in said and "Wrong" in said


def test_messages_sum_to_what_the_head_computes(open_app):
    app = open_app(prompt="hear me speak", layer="1", head="2", at="3").switch_page("../pages/notes.py").run()
    assert not app.exception and any(found.value.endswith("gathers**") for found in app.markdown)
    told = caption(app, "4 messages")
    assert "weights sum to 1.0000" in told and float(told.rstrip(".").rpartition(" ")[2]) < 1e-6
    weights = app.dataframe[0].value["weight"]
    assert weights[:4].sum() == pytest.approx(1) and weights[4:].isna().all()


def test_a_link_opens_what_was_chosen(open_app):
    app = (
        open_app(word="drawer", shuffle="3", mask="False", reads=crossing.CROSS).switch_page("../pages/notes.py").run()
    )
    assert not app.exception and app.text_input(key="widget:letters").value == "drawer"
    assert not app.toggle(key="widget:mask").value and "k and v from y" in caption(app, "q comes from x")
    assert app.number_input(key="widget:shuffle").value == 3


def test_cross_attention_reads_another_sequence(notes_page):
    choose(notes_page, "looks-at", crossing.CROSS)
    assert any("weights, 4 × 6: rectangular" in found.value for found in notes_page.markdown)
    assert "k and v from y" in caption(notes_page, "q comes from x")


def test_twins_are_measured_before_training_and_after_it(notes_page, runs):
    assert "At size 128" in caption(notes_page, "Measured on 16 rows")
    choose(notes_page, "twins-measured", scale.AFTER)
    assert "Measured on 16 rows" in caption(notes_page, "Grey: finished runs of ours. *Train* draws yours. Measured")
    for label, recipe in scale.recipes(8).items():
        run = create_run(runs / f"lecture-twins-8-{label.replace(' ', '-')}", recipe.changed(steps=2, eval_batches=1))
        train(run, torch.device("cpu"))
    notes_page.run()
    assert not notes_page.exception and "At size 8" in caption(notes_page, "Measured on 16 rows")


def test_every_size_needs_a_value():
    sizes = np.array([4, 8])
    drawn = two_lines(sizes, sizes, sizes / 4, title="variance", log=True)
    assert [list(trace.y) for trace in drawn.data] == [[4, 8], [1, 2]] and drawn.layout.yaxis.type == "log"
    with pytest.raises(ValueError, match="sizes need as many values"):
        two_lines(sizes, sizes[:1], sizes, title="variance")
