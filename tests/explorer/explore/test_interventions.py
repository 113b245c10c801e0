"""The page of interventions, through the router, and its figures."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer.explore.interventions import effects, measuring
from explorer.explore.interventions.changes import KINDS, MOST_CHANGES, Change, parse_changes
from explorer.explore.interventions.figures import before_after_bars, position_map
from explorer.opened import open_model
from gpt import load_run
from gpt.lens import interventions as lens
from tests.explorer.drawn import drawn, plots

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
    return [json.loads(chart.spec)["data"] for chart in plots(app)]


def losses(app: AppTest) -> list[float]:
    return [float(metric.value) for metric in app.metric]


def said(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.caption) for element in kind).replace("\\", "")


def test_every_kind_has_a_builder_and_its_identity_changes_nothing(page):
    app = page(prompt="hear me", layer="1", head="2")
    for name, kind in KINDS.items():
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
    likeliest = torch.maximum(before, after).argsort(descending=True, stable=True)[: effects.SHOWN]
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
    app = choose(app, "mlp_zero")
    assert "Head off: zero" in said(app) and "MLP off: zero" in said(app)
    app = app.multiselect[0].set_value([]).run()
    assert not app.exception and not app.multiselect
    assert "Head off" not in said(app) and "Active: MLP off: zero, layer 0." in said(app)


def test_the_map_of_single_heads_holds_every_head(page):
    app = press(page(prompt="hear me"), "Measure every head")
    clicks = next(trace for trace in charts(app)[1] if trace.get("customdata"))
    assert clicks["customdata"] == [[layer, head] for layer in range(2) for head in range(3)]
    assert "–" not in clicks["text"]
    assert drawn(app)


def texts_of_heads(app: AppTest) -> list[str]:
    return next(trace["text"] for trace in charts(app)[1] if trace.get("customdata"))


def test_heads_are_measured_on_request_and_for_everybody(page):
    app = page(prompt="hear me")
    assert not app.error and "7 forward passes" in said(app)
    assert set(texts_of_heads(app)) == {"–"}
    measured = texts_of_heads(press(app, "Measure every head"))
    assert "–" not in measured
    assert texts_of_heads(page(prompt="me hear")) == measured


def test_a_model_that_ships_opens_on_its_measured_heads(page):
    app = page(model="induction")
    assert "–" not in texts_of_heads(app) and "Measure every head" not in [button.label for button in app.button]
    app = page(model="induction", off="mean")
    assert "–" not in texts_of_heads(app)


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


def address(app: AppTest) -> dict[str, str]:
    return {name: value[-1] if isinstance(value, list) else value for name, value in app.query_params.items()}


@st.composite
def made(draw) -> Change:
    kind = draw(st.sampled_from(list(KINDS)))
    strengths = range(0, round(20 * KINDS[kind].highest) + 1)
    strength = draw(st.sampled_from(strengths)) / 20 if KINDS[kind].default is not None else 0.0
    return Change(kind, draw(st.integers(0, 3)), draw(st.integers(0, 5)) * (KINDS[kind].part == "head"), strength)


@settings(deadline=None)
@given(st.lists(made(), min_size=1, max_size=MOST_CHANGES, unique=True), st.text("~-.0159auto_mlpzer٣"))
def test_changes_go_into_a_link_and_come_back_and_nothing_else_does(wanted, noise):
    link = "~".join(change.link for change in wanted)
    assert parse_changes(open_model("shakespeare-char").config, link) == (tuple(wanted), ())
    found, refused = parse_changes(open_model("shakespeare-char").config, noise)
    assert len(found) + len(refused) == len(noise.split("~"))
    assert all(0 <= change.layer < 4 and 0 <= change.head < 6 for change in found)


@pytest.mark.parametrize(
    "wrong",
    ["zero-9-0", "zero-0", "zero-0-0-0", "zero-00-0", "zero-0-3", "uniform-0-0", "uniform-0-0-1.5", "uniform-0-0-nan",
     "mlp--1", "attn-0-9" + 30 * "9", "<script>", "٣", ""],
)  # fmt: skip
def test_what_is_no_change_of_this_model_is_refused(runs, wrong):
    zero = Change("zero", 0, 0, 0.0)
    assert parse_changes(open_model("runs/tiny").config, f"zero-0-0~{wrong}~zero-0-0") == ((zero,), (wrong, "zero-0-0"))


def test_what_a_link_has_that_is_no_change_is_reported_and_left_out(page):
    app = page(prompt="hear me", changes="mlp_zero-1~<script>~zero-9-9")
    assert "<script>; zero-9-9" in app.warning[0].value.replace("\\", "") and "\\<" in app.warning[0].value
    assert app.multiselect[0].options == ["MLP off: zero, layer 1"]
    app = app.multiselect[0].set_value([]).run()
    assert "changes" not in address(app) and not app.warning


def test_a_link_restores_the_changes_and_the_second_prompt(page):
    app = page(prompt="hear me", layer="1", head="2")
    app = press(choose(app, "uniform"), "Keep, and add another")
    app = next(slider for slider in choose(app, "attn").slider if slider.label == "Strength").set_value(0.25).run()
    app = next(area for area in app.text_area if area.label == "Second prompt").set_value("speak, me").run()
    opened = page(**address(app))
    in_force = "Active: Head towards uniform, L1H2 × 0; Scale attention, layer 1 × 0.25."
    assert in_force in said(app) and in_force in said(opened)
    assert address(opened) == address(app) and losses(opened) == losses(app)
    assert next(area for area in opened.text_area if area.label == "Second prompt").value == "speak, me"
    opened = press(opened, "Suggest one")
    assert "second-prompt" not in address(opened)


@pytest.mark.parametrize("wrong", ["-1", "1e9", "<script>"])
def test_kinds_and_strengths_that_are_not_there_are_replaced(page, wrong):
    app = page(prompt="hear me", change="attn", strength=wrong)
    assert "There is no strength" in said(app) and "only 0 to 3" in said(app) and "layer" in said(app) and not app.error
    assert "There is no change" in said(page(prompt="hear me", change=wrong))


def test_every_head_can_be_switched_off_by_its_mean(page, runs):
    app = press(page(prompt="hear me", off="mean"), "Measure every head")
    expected = lens.ablation_map(
        load_run(runs / "tiny").model(), effects.validation_ids(open_model("runs/tiny")), "mean"
    )
    assert [float(text.replace("−", "-")) for text in texts_of_heads(app)] == pytest.approx(
        expected.ravel().tolist(), abs=6e-3
    )


def test_before_a_long_measurement_its_cost_is_said_and_fewer_layers_are_offered(page, monkeypatch):
    app = page(prompt="hear me")
    assert not app.warning and any("11 forward passes" in caption.value for caption in app.caption)
    monkeypatch.setattr(measuring, "LONG", 0)
    app = page(prompt="hear me")
    assert "7 forward passes" in app.warning[0].value and "cancel" in app.warning[0].value
    assert "11 forward passes" in app.warning[1].value and "cancel" in app.warning[1].value
    app = next(slider for slider in app.slider if "Layers" in slider.label).set_value((1, 1)).run()
    assert "7 forward passes" in app.warning[1].value
    heads = charts(press(app, "Patch"))[3]
    texts = dict(zip(map(tuple, heads[1]["customdata"]), heads[1]["text"], strict=True))
    assert {place for place, text in texts.items() if text == "–"} == {(0, 0), (0, 1), (0, 2)}


def test_figures_refuse_what_they_cannot_draw():
    with pytest.raises(ValueError, match="probabilities"):
        before_after_bars(["a"], np.array([0.5]), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        before_after_bars(["a"], np.array([0.5]), np.array([np.nan]))
    with pytest.raises(ValueError, match="n_layer"):
        position_map(np.zeros((2, 3)), ["a"], top=1.0)
    assert position_map(np.zeros((2, 3)), ["<", "b", " "], top=1.0).layout.xaxis.ticktext == ("&lt;", "b", "·")
