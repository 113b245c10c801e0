"""The form of the Train page, through the router; no worker starts."""

from dataclasses import replace

import pytest

from explorer.train import jobs
from gpt import PRESETS, build_model, load_run
from gpt.machine import bytes_in_words, time_in_words
from gpt.train.estimate import estimate
from gpt.train.optim import OPTIMIZERS
from tests.explorer.elements import messages, progress_text, widget


def start(app):
    return widget(app.button, "Start")


def refused(app, runs) -> bool:
    """Whether Start starts nothing, and says so."""
    before = set(runs.iterdir())
    app = start(app).click().run()
    return set(runs.iterdir()) - before <= {runs / ".texts"} and "Nothing was started" in app.toast[0].value


def test_it_offers_a_lesson_at_once(open_train):
    app = open_train()
    model = replace(PRESETS["quick"].model, vocab_size=65)
    assert (model.n_layer, model.n_head, model.block_size) == (2, 4, 64)
    assert f"{build_model(model).n_params:,} parameters" in messages(app)
    assert not start(app).disabled and not app.error


def test_the_recipe_fills_in_the_rest_and_each_keeps_its_changes(open_train):
    app = open_train()
    app = widget(app.number_input, "Steps").set_value(7).run()
    app = widget(app.selectbox, "Recipe").select("rung-5").run()
    assert widget(app.number_input, "Steps").value == 5000
    assert widget(app.number_input, "Layers (n_layer)").value == 3
    app = widget(app.selectbox, "Recipe").select("quick").run()
    assert widget(app.number_input, "Steps").value == 7


def test_start_makes_a_run_of_what_was_asked_for_and_goes_to_it(open_train, runs):
    app = open_train()
    app = widget(app.selectbox, "Text").select("sorting").run()
    app = widget(app.number_input, "Layers (n_layer)").set_value(1).run()
    app = widget(app.number_input, "Steps").set_value(50).run()
    app = start(app).click().run()
    made = load_run(runs / "quick")
    assert (made.recipe.text, made.recipe.model.n_layer, made.recipe.steps) == ("sorting", 1, 50)
    assert made.status.state == "queued" and app.query_params["run"] == "quick"
    assert "Waiting for its turn" in progress_text(app)
    assert widget(app.text_input, "Name of the run").placeholder == "quick-2"
    app = widget(app.button, "Stop").click().run()
    assert made.status.state == "stopped" and "Stopped" in progress_text(app)


def test_a_model_of_today_starts_by_its_norm_and_positions(open_train, runs):
    app = open_train()
    app = widget(app.selectbox, "Norm").select("rms").run()
    app = widget(app.selectbox, "Positions").select("rotary").run()
    start(app).click().run()
    model = load_run(runs / "quick").recipe.model
    assert (model.norm, model.norm_place, model.positions) == ("rms", "pre", "rotary")


def test_ones_own_text_is_trained_on(open_train, runs):
    app = open_train()
    app = widget(app.selectbox, "Text").select("your own text").run()
    assert refused(app, runs)
    app = widget(app.text_area, "… or paste it here").input(100 * "round and round it goes, ").run()
    assert "2,500 characters" in messages(app)
    start(app).click().run()
    assert load_run(runs / "quick").corpus().text == 100 * "round and round it goes, "


@pytest.mark.parametrize(
    ("pasted", "message"), [("short", "5 characters"), ("a\0b" * 99, "binary"), (150 * "a", "needs at least 641")]
)
def test_an_unusable_text_is_explained_and_kept(open_train, runs, pasted, message):
    app = open_train()
    app = widget(app.selectbox, "Text").select("your own text").run()
    app = widget(app.text_area, "… or paste it here").input(pasted).run()
    assert message in messages(app) and refused(app, runs)
    assert widget(app.text_area, "… or paste it here").value == pasted


@pytest.mark.parametrize("name", ["../x", "a/b", "x" * 61, "<script>", "tiny"])
def test_a_bad_or_taken_name_is_explained(open_train, runs, name):
    app = open_train()
    app = widget(app.text_input, "Name of the run").input(name).run()
    assert len(app.error) == 1 and refused(app, runs)
    assert widget(app.text_input, "Name of the run").value == name
    assert name != "tiny" or "tiny-2" in messages(app)


def test_sizes_that_do_not_fit_are_explained(open_train, runs):
    app = open_train()
    app = widget(app.number_input, "Features (n_embd)").set_value(65).run()
    assert "make it a multiple of n_head=4" in messages(app) and refused(app, runs)


def test_a_model_that_this_machine_cannot_train_is_refused_with_the_numbers(open_train, runs):
    app = open_train()
    app = widget(app.number_input, "Layers (n_layer)").set_value(48).run()
    app = widget(app.number_input, "Features (n_embd)").set_value(4096).run()
    assert (
        "9.7 billion parameters needs" in messages(app) and "this machine has" in messages(app) and refused(app, runs)
    )


def test_it_says_before_what_a_run_needs(open_train):
    app = open_train()
    needs = estimate(PRESETS["quick"].changed(vocab_size=65))
    assert f"{time_in_words(needs.seconds)} and {bytes_in_words(needs.memory)} of memory" in messages(app)


def test_a_reload_keeps_the_form_and_the_text(open_train, runs):
    app = open_train()
    app = widget(app.selectbox, "Recipe").select("rung-5").run()
    app = widget(app.number_input, "Steps").set_value(7).run()
    app = widget(app.number_input, "Learning rate").set_value(0.25).run()
    app = widget(app.selectbox, "Tokenizer").select("bpe-512").run()
    app = widget(app.text_input, "Name of the run").input("春: 1, 2").run()
    app = widget(app.selectbox, "Text").select("your own text").run()
    text = 100 * "round and round it goes, a: b%2C 春 & c\n"
    app = widget(app.text_area, "… or paste it here").input(text).run()
    again = open_train(**{name: app.query_params[name] for name in ("form", "own-text")})
    assert (
        widget(again.selectbox, "Recipe").value == "rung-5" and widget(again.selectbox, "Tokenizer").value == "bpe-512"
    )
    assert (widget(again.number_input, "Steps").value, widget(again.number_input, "Learning rate").value) == (7, 0.25)
    assert widget(again.text_input, "Name of the run").value == "春: 1, 2"
    assert widget(again.text_area, "… or paste it here").value == text and f"{len(text):,} characters" in messages(
        again
    )
    again = start(again).click().run()
    (made,) = [run for run in jobs.live(runs)]
    assert (made.title, made.recipe.steps, made.corpus().text) == ("春: 1, 2", 7, text)
    assert widget(again.text_input, "Name of the run").value == ""


def test_a_name_that_no_folder_can_have_becomes_a_title(open_train, runs):
    for title, name in (("My Spring", "My-Spring"), ("春", "quick"), ("Tést 1", "Test-1")):
        app = open_train()
        app = widget(app.text_input, "Name of the run").input(title).run()
        app = start(app).click().run()
        assert app.query_params["run"] == name and load_run(runs / name).label == title
        shown = widget(app.selectbox, "Run")
        assert shown.value == name and shown.format_func(name).startswith(f"{title} · ")
    rows = app.switch_page("../pages/runs.py").run().dataframe[0].value["Run"]
    assert {"My Spring", "春", "Tést 1", "tiny"} <= set(rows)


@pytest.mark.parametrize(
    "form", ["steps", "quick.steps:x", "quick.steps:-9", "quick.lr:nan", "recipe:<b>", 99 * ",:", "quick.steps:1e400"]
)
def test_an_alien_form_in_a_link_breaks_nothing(open_train, form):
    app = open_train(form=form, own="../../etc/passwd")
    assert not app.error and widget(app.selectbox, "Recipe").value == "quick"


def test_every_registered_optimizer_can_be_chosen(open_train):
    box = widget(open_train().selectbox, "Optimizer")
    assert [box.format_func(name) for name in OPTIMIZERS] == [kind.label for kind in OPTIMIZERS.values()]
    assert list(box.options) == [kind.label for kind in OPTIMIZERS.values()]
