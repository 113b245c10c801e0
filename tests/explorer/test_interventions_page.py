"""The page of interventions, through the router, and its figures."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer import changes
from explorer.figures.interventions import before_after_bars, position_map
from gpt import load_run
from gpt.lens import interventions as lens

PAGE = "../pages/interventions.py"


@pytest.fixture
def page(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**choices).switch_page(PAGE).run()
        assert not app.exception
        assert app.title[0].value == "Interventions"
        return app

    return open_with


def choose(app: AppTest, kind: str) -> AppTest:
    app = next(box for box in app.selectbox if box.label == "Change").set_value(kind).run()
    assert not app.exception and not app.error
    return app


def press(app: AppTest, label: str) -> AppTest:
    app = next(button for button in app.button if button.label == label).click().run()
    assert not app.exception and not app.error
    return app


def charts(app: AppTest) -> list[list[dict]]:
    return [json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart")]


def losses(app: AppTest) -> list[float]:
    return [float(metric.value) for metric in app.metric]


def said(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.caption) for element in kind).replace("\\", "")


def test_every_kind_has_a_builder_and_its_identity_changes_nothing(page):
    app = page(prompt="hear me", layer="1", head="2")
    for name, kind in changes.KINDS.items():
        app = choose(app, name)
        assert len(losses(app)) == 2
        if kind.default is not None:
            app = next(slider for slider in app.slider if slider.label == "Strength").set_value(1.0).run()
            before, after = losses(app)
            assert before == after and app.code[0].value == app.code[1].value


def test_the_bars_are_the_models_own_under_the_change(page, runs):
    app = page(prompt="hear me", layer="1", head="2")
    run = load_run(runs / "tiny")
    ids = torch.tensor([run.tokenizer.encode("hear me")])
    with torch.inference_mode():
        after = run.model().run_with_hooks(ids, lens.head_off(1, 2))[0, -1].softmax(-1)
        before = run.model()(ids)[0, -1].softmax(-1)
    likeliest = torch.maximum(before, after).argsort(descending=True, stable=True)[: changes.SHOWN]
    for bars, expected in zip(charts(app)[0], (before, after), strict=True):
        shown = [float(text.rstrip("%")) / 100 for text in bars["text"]]
        np.testing.assert_allclose(shown, expected[likeliest].numpy(), atol=6e-4)


def test_switching_the_previous_token_head_off_destroys_the_copy(page):
    app = page(model="induction")
    before, after = losses(app)
    assert after > before + 1
    names = [trace["name"] for trace in charts(app)[0]]
    assert names == ["before", "after"]
    assert not any(option.startswith("MLP") for option in app.selectbox[1].options)


def test_kept_changes_act_together_and_can_be_taken_back(page):
    app = page(prompt="hear me", layer="0", head="0")
    app = press(app, "Keep, and add another")
    app = choose(app, "MLP off: zero")
    assert "Head off: zero" in said(app) and "MLP off: zero" in said(app)
    app = app.multiselect[0].set_value([]).run()
    assert not app.exception and not app.multiselect
    assert "Head off" not in said(app) and "In force: MLP off: zero, layer 0." in said(app)


def test_the_map_of_single_heads_holds_every_head(page):
    app = page(prompt="hear me")
    clicks = next(trace for trace in charts(app)[1] if trace.get("customdata"))
    assert clicks["customdata"] == [[layer, head] for layer in range(2) for head in range(3)]
    assert "–" not in clicks["text"]
    assert app.get("bidi_component")


def test_patching_draws_both_maps(page):
    app = press(page(model="induction"), "Patch")
    stream, heads = charts(app)[2:]
    cells = stream[0]["z"]
    assert (cells["shape"] if isinstance(cells, dict) else f"{len(cells)}, {len(cells[0])}") == "2, 32"
    found = {tuple(place): text for place, text in zip(heads[1]["customdata"], heads[1]["text"], strict=True)}
    assert (
        sum(float(text.replace("−", "-")) > 1 for text in found.values()) >= 2
    )  # the induction heads carry the answer


def test_a_prompt_patched_with_itself_has_no_effect(page):
    app = page(prompt="hear me")
    app = next(area for area in app.text_area if area.label == "Second prompt").set_value("hear me").run()
    heads = charts(press(app, "Patch"))[3]
    assert set(heads[1]["text"]) <= {"+0.00", "−0.00"}


@pytest.mark.parametrize("second", ["me", "hear me hear me hear me", "😀"])
def test_second_prompts_of_another_length_are_cut_to_match(page, second):
    app = page(prompt="hear me")
    app = next(area for area in app.text_area if area.label == "Second prompt").set_value(second).run()
    assert len(charts(press(app, "Patch"))) == 4
    app = next(area for area in app.text_area if area.label == "Second prompt").set_value("").run()
    assert not app.exception and any("second prompt is empty" in error.value for error in app.error)


@pytest.mark.parametrize("prompt", ["h", "😀<b>$x$", 300 * "hear me "])
def test_odd_prompts_are_read(page, prompt):
    assert len(charts(page(prompt=prompt))) == 2


def test_an_empty_prompt_and_a_bigram_have_an_empty_state(page):
    assert "The prompt is empty" in said(page(prompt=""))
    app = page(model="runs/table")
    assert "no parts to switch off" in said(app) and not charts(app)


def test_a_model_whose_text_is_gone_still_answers(page, runs):
    (runs / "tiny" / "text.txt").unlink()
    app = page(model="runs/tiny", prompt="hear me")
    assert app.error and len(charts(app)) == 1 and len(app.code) == 2


def test_figures_refuse_what_they_cannot_draw():
    with pytest.raises(ValueError, match="probabilities"):
        before_after_bars(["a"], np.array([0.5]), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        before_after_bars(["a"], np.array([0.5]), np.array([np.nan]))
    with pytest.raises(ValueError, match="n_layer"):
        position_map(np.zeros((2, 3)), ["a"], top=1.0)
    assert position_map(np.zeros((2, 3)), ["<", "b", " "], top=1.0).layout.xaxis.ticktext == ("&lt;", "b", "·")
