"""Encoder and decoder: a date translated step by step, three kinds of maps, and a model that no other page mistakes
for its own.
"""

import json
import struct

import pytest
import torch

from explorer.lecture.translate import subject
from explorer.lecture.translate.figures import exact_curve, source_read
from explorer.shared.model_list import models, prompted
from gpt import PRESETS, GPTConfig, create_run
from gpt.train.loop import train
from tests.explorer.drawn import drawn, plots

SMALL = PRESETS["translate"].changed(
    model=GPTConfig(block_size=40, n_layer=2, n_head=2, n_embd=8), steps=2, batch_size=4, eval_batches=1, snapshots=2
)


@pytest.fixture
def translate_page(open_app):
    def open_with(**choices):
        return open_app(**choices).switch_page("../pages/translate.py").run()

    return open_with


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A run that translates, trained for two steps."""
    run = create_run(tmp_path_factory.mktemp("own") / "mine", SMALL)
    train(run, torch.device("cpu"))
    return run


@pytest.fixture
def with_own(runs, own):
    (runs / "mine").symlink_to(own.folder)
    return "runs/mine"


def header(app) -> dict:
    blob = drawn(app)[-1].proto.bytes
    (length,) = struct.unpack_from("<I", blob)
    return json.loads(blob[4 : 4 + length])


def button(app, label: str):
    return next(found for found in app.button if found.label == label)


def told(app, word: str) -> str:
    return next(found.value for found in (*app.caption, *app.markdown, *app.warning) if word in found.value)


def test_it_opens_on_a_translation_and_the_aligned_head(translate_page):
    app = translate_page()
    assert not app.exception and not app.error and not app.warning
    assert app.code[0].value == "twenty-third of march, 1984 > 1"
    view = header(app)
    assert view["keys"] == [letter.replace(" ", "·") for letter in "twenty-third of march, 1984"]
    assert view["tokens"][0] == ">→1" and view["tokens"][-1] == "3→⏎" and not view["causal"]
    alignments = [float(metric.value) for metric in app.metric]
    assert view["opening"] == [0, alignments.index(max(alignments))]
    bars = json.loads(plots(app)[0].spec)
    assert bars["data"][0]["marker"]["color"].count("#D55E00") == 1, "the year's first digit has one origin"


def test_steps_write_the_digits(translate_page):
    app = translate_page(at="10")
    assert app.code[0].value == "twenty-third of march, 1984 > 1984-03-23"
    assert "the end of the line" in told(app, "What it reads")
    app = button(translate_page(at="4"), "Next").click().run()
    assert app.code[0].value.endswith("> 1984-0") and app.query_params["walk"] == "5"


def test_examples_begin_anew(translate_page):
    app = button(translate_page(at="7"), "july fourth, 1776").click().run()
    assert app.query_params["source"] == "july fourth, 1776" and "walk" not in app.query_params
    assert app.code[0].value == "july fourth, 1776 > 1"


def test_every_kind_of_map_opens(translate_page):
    app = translate_page(maps="encoder")
    view = header(app)
    assert view["keys"] is None and not view["causal"] and len(view["tokens"]) == 27
    view = header(translate_page(maps="decoder"))
    assert view["keys"] is None and view["causal"] and "".join(view["tokens"]) == ">1984-03-23"
    assert header(translate_page(maps="nothing"))["keys"]


def test_a_chosen_head_is_the_one_whose_row_is_shown(translate_page):
    app = translate_page(cross="3")
    assert "L0H3" in told(app, "What it reads") and header(app)["look"]["head"] == [0, 3]


@pytest.mark.parametrize("choices", [{"layer": "1", "head": "2"}, {"cross": "4"}, {"cross": "x"}])
def test_a_head_of_another_model_leaves_the_aligned_one(translate_page, choices):
    app = translate_page(**choices)
    view = header(app)
    assert not app.exception and view["look"]["head"] is None
    assert f"L0H{view['opening'][1]}" in told(app, "What it reads")


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("thirtieth of february, 2000", "no thirtieth of february"),
        ("23 march 1984", "wording"),
        ("march first, 4984", "the year 4984"),
        ("twenty third of march, 1984", "wording"),
        ("> >", "wording"),
    ],
)
def test_what_is_no_date_is_told_and_translated_all_the_same(translate_page, source, word):
    app = translate_page(source=source)
    assert not app.exception and not app.error
    assert word in told(app, "was not trained on such text").replace("\\", "") and app.code[0].value.startswith(source)


@pytest.mark.parametrize("source", ["<b>März</b>, 1984", "日本", "🙂", "*_`$x$`_*"])
def test_what_the_alphabet_lacks_is_told(translate_page, source):
    app = translate_page(source=source)
    assert not app.exception and "not in this model\\'s alphabet" in app.error[0].value
    assert "Encoder, decoder, or both" in [found.value for found in app.subheader], "the rest of the page stands"


def test_letters_may_be_large_and_blanks_many(translate_page):
    app = translate_page(source="  July   Fourth, 1776 ")
    assert not app.warning and app.code[0].value == "july fourth, 1776 > 1"


@pytest.mark.parametrize("source", ["", "   "])
def test_nothing_is_an_empty_state(translate_page, source):
    app = translate_page(source=source)
    assert not app.exception and told(app, "nothing to translate") and button(app, "Train")


def test_without_any_model_one_can_be_trained(translate_page, monkeypatch):
    monkeypatch.setattr(subject, "models", dict)
    app = translate_page()
    assert not app.exception and told(app, "no model that translates yet") and button(app, "Train")


def test_a_long_source_is_cut_to_the_context(translate_page):
    app = translate_page(source=300 * "may ")
    assert not app.exception and len(app.text_input(key="widget:source").value) == 40


def test_the_month_is_guessed_first(translate_page):
    app = translate_page()
    pills = next(group for group in app.get("button_group") if group.key == "translate:month:guess")
    app = button(pills.set_value("the first letter").run(), "Guess").click().run()
    assert told(app, "You guessed the first letter")
    said = told(app, "The most weight is on")
    traces = (json.loads(plot.spec)["data"] for plot in plots(app))
    grid = next(data[1]["text"] for data in traces if len(data) > 1 and len(data[1].get("text", ())) == 5 * 6)
    assert f"{max(map(float, grid[-6:])):.0%}" in said


def test_the_halves_are_compared_in_words(translate_page):
    assert "2017" in told(translate_page(), "The Transformer of")
    assert "GPT" in told(translate_page(halves="decoder only"), "behind a mask, since")


def test_a_model_of_ones_own_is_offered_and_opened(with_own, translate_page):
    app = translate_page(translator=with_own)
    assert not app.exception and app.selectbox(key="widget:translator").value == with_own
    assert header(app)["layers"] == 2 and len(app.metric) == 4
    app = translate_page(translator="runs/none")
    assert "There is no model" in app.warning[0].value and app.code[0].value.startswith("twenty-third")


def test_a_model_of_another_task_opens_on_its_sharpest_head(runs, translate_page):
    run = create_run(runs / "backwards", SMALL.changed(text="reversal", block_size=14))
    train(run, torch.device("cpu"))
    app = translate_page(translator="runs/backwards")
    assert not app.exception and not app.error and not app.warning and not app.metric
    source = app.text_input(key="widget:source").value
    assert source in run.corpus().text and app.code[0].value.startswith(f"{source} > ")
    assert told(app, "whose rows are the most concentrated")
    assert "Which letters of the month are read?" not in [found.value for found in app.subheader]


def test_note_five_shows_the_trained_rectangle(open_app):
    app = open_app().switch_page("../pages/mask.py").run()
    assert not app.exception
    views = [found.proto.bytes for found in drawn(app) if b'"tokens"' in found.proto.bytes]
    assert any(b'"notes:crossing"' in view and b'"keys": ["t"' in view for view in views)


PROMPTED = (
    "attention",
    "residual",
    "logits",
    "heads",
    "interventions",
    "flow",
    "timetravel",
    "compare",
    "notes",
    "mask",
    "positions",
    "multihead",
    "head",
    "block",
)


@pytest.mark.parametrize("page", PROMPTED)
def test_no_page_with_a_prompt_opens_it_or_breaks(with_own, open_app, page):
    app = open_app(model=with_own, against="translate").switch_page(f"../pages/{page}.py").run()
    assert not app.exception
    offered = {
        option
        for box in app.selectbox
        if box.label in ("Model", "Run", "Left model", "Right model")
        for option in box.options
    }
    assert not [option for option in offered if option.startswith(("translate", "runs/mine"))]


def test_a_picker_that_is_asked_for_it_says_what_it_is(with_own, open_app):
    app = open_app(model=with_own)
    assert "does not continue a prompt" in app.warning[0].value
    links = app.get("page_link")
    assert any("translator=runs%2Fmine" in str(link.proto) for link in links)


@pytest.mark.parametrize("page", ["train", "runs", "conclusions", "race", "data", "tokens", "scaling", "nanogpt"])
def test_pages_that_list_runs_list_it(with_own, open_app, page):
    app = open_app(run="mine", model="runs/tiny").switch_page(f"../pages/{page}.py").run()
    assert not app.exception and not app.error
    if page == "train":
        bar = next(found.proto.text for found in app.get("progress"))
        assert "translated exactly" in bar
        assert told(app, "Its three kinds of attention") and told(app, "the same validation sources at each snapshot")


def test_a_preset_that_translates_wants_pairs(open_app, runs):
    app = open_app().switch_page("../pages/train.py").run()
    app = app.selectbox(key="widget:form.recipe").set_value("translate").run()
    assert not app.error and not button(app, "Start").disabled
    app = app.selectbox(key="widget:form.text").set_value("tinyshakespeare").run()
    assert "no pair source" in app.error[0].value.replace("\\", "")
    app = button(app, "Start").click().run()
    assert "Nothing was started" in app.toast[0].value and not list(runs.glob("translate*"))


def test_figures_refuse_what_does_not_fit():
    drawn = source_read([0.25, 0.75], "a<", [1])
    assert drawn.layout.xaxis.ticktext == ("a", "&lt;")
    with pytest.raises(ValueError, match="3 source tokens need a weight each"):
        source_read([0.5, 0.5], "abc")
    assert list(exact_curve([0, 10], [0, 1], end=20).layout.xaxis.range) == [0, 20]


def test_the_listings_tell_the_kinds_apart(with_own):
    assert [ref for ref, each in models().items() if each.translates] == ["translate", with_own]
    assert set(models()) - set(prompted()) == {"chat-reward", "translate", with_own}
