"""The Train page, through the router; nothing trains here but what a test trains itself."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

from explorer.shared import loading
from explorer.train import curves, jobs, panel, progress
from gpt import PRESETS, GPTConfig, Recipe, build_model, create_run, load_run
from gpt.train.estimate import estimate
from gpt.train.machine import bytes_in_words, time_in_words
from gpt.train.tail import Logged
from tests.explorer.drawn import drawn


@pytest.fixture(autouse=True)
def _nothing_starts(monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)


@pytest.fixture
def open_page(open_app):
    def open_train(**choices: str):
        app = open_app(**choices).switch_page("../pages/train.py").run()
        assert not app.exception and [title.value for title in app.title] == ["Train"]
        return app

    return open_train


def widget(kind, label: str):
    return next(found for found in kind if found.label == label)


def start(app):
    return widget(app.button, "Start")


def refused(app, runs) -> bool:
    """Whether Start starts nothing, and says so."""
    before = set(runs.iterdir())
    app = start(app).click().run()
    return set(runs.iterdir()) - before <= {runs / ".texts"} and "Nothing was started" in app.toast[0].value


def messages(app) -> str:
    kinds = (app.error, app.warning, app.info, app.caption, app.markdown)
    return "\n".join(element.value.replace("\\", "") for kind in kinds for element in kind)


def bar(app) -> str:
    return app.get("progress")[0].proto.text.replace("\\", "")


def test_it_offers_a_lesson_at_once(open_page):
    app = open_page()
    model = GPTConfig(vocab_size=65, block_size=64, n_layer=2, n_head=4, n_embd=64, bias=False)
    assert f"{build_model(model).n_params:,} parameters" in messages(app)
    assert not start(app).disabled and not app.error


def test_the_recipe_fills_in_the_rest_and_each_keeps_its_changes(open_page):
    app = open_page()
    app = widget(app.number_input, "Steps").set_value(7).run()
    app = widget(app.selectbox, "Recipe").select("rung-5").run()
    assert widget(app.number_input, "Steps").value == 5000
    assert widget(app.number_input, "Layers (n_layer)").value == 3
    app = widget(app.selectbox, "Recipe").select("quick").run()
    assert widget(app.number_input, "Steps").value == 7


def test_start_makes_a_run_of_what_was_asked_for_and_goes_to_it(open_page, runs):
    app = open_page()
    app = widget(app.selectbox, "Text").select("sorting").run()
    app = widget(app.number_input, "Layers (n_layer)").set_value(1).run()
    app = widget(app.number_input, "Steps").set_value(50).run()
    app = start(app).click().run()
    made = load_run(runs / "quick")
    assert (made.recipe.text, made.recipe.model.n_layer, made.recipe.steps) == ("sorting", 1, 50)
    assert made.status.state == "queued" and app.query_params["run"] == "quick"
    assert "Waiting for its turn" in bar(app)
    assert widget(app.text_input, "Name of the run").placeholder == "quick-2"
    app = widget(app.button, "Stop").click().run()
    assert made.status.state == "stopped" and "Stopped" in bar(app)


def test_ones_own_text_is_trained_on(open_page, runs):
    app = open_page()
    app = widget(app.selectbox, "Text").select("your own text").run()
    assert refused(app, runs)
    app = widget(app.text_area, "… or paste it here").input(100 * "round and round it goes, ").run()
    assert "2,500 characters" in messages(app)
    start(app).click().run()
    assert load_run(runs / "quick").corpus().text == 100 * "round and round it goes, "


@pytest.mark.parametrize(
    ("pasted", "told"), [("short", "5 characters"), ("a\0b" * 99, "binary"), (150 * "a", "needs at least 641")]
)
def test_an_unusable_text_is_explained_and_kept(open_page, runs, pasted, told):
    app = open_page()
    app = widget(app.selectbox, "Text").select("your own text").run()
    app = widget(app.text_area, "… or paste it here").input(pasted).run()
    assert told in messages(app) and refused(app, runs)
    assert widget(app.text_area, "… or paste it here").value == pasted


@pytest.mark.parametrize("name", ["../x", "a/b", "x" * 61, "<script>", "tiny"])
def test_a_bad_or_taken_name_is_explained(open_page, runs, name):
    app = open_page()
    app = widget(app.text_input, "Name of the run").input(name).run()
    assert len(app.error) == 1 and refused(app, runs)
    assert widget(app.text_input, "Name of the run").value == name
    assert name != "tiny" or "tiny-2" in messages(app)


def test_sizes_that_do_not_fit_are_explained(open_page, runs):
    app = open_page()
    app = widget(app.number_input, "Features (n_embd)").set_value(65).run()
    assert "make it a multiple of n_head=4" in messages(app) and refused(app, runs)


def test_a_model_that_this_machine_cannot_train_is_refused_with_the_numbers(open_page, runs):
    app = open_page()
    app = widget(app.number_input, "Layers (n_layer)").set_value(48).run()
    app = widget(app.number_input, "Features (n_embd)").set_value(4096).run()
    assert (
        "9.7 billion parameters needs" in messages(app) and "this machine has" in messages(app) and refused(app, runs)
    )


def test_it_says_before_what_a_run_needs(open_page):
    app = open_page()
    model = GPTConfig(vocab_size=65, block_size=64, n_layer=2, n_head=4, n_embd=64, bias=False)
    needs = estimate(replace(PRESETS["quick"], model=model))
    assert f"{time_in_words(needs.seconds)} and {bytes_in_words(needs.memory)} of memory" in messages(app)


def test_a_reload_keeps_the_form_and_the_text(open_page, runs):
    app = open_page()
    app = widget(app.selectbox, "Recipe").select("rung-5").run()
    app = widget(app.number_input, "Steps").set_value(7).run()
    app = widget(app.number_input, "Learning rate").set_value(0.25).run()
    app = widget(app.selectbox, "Tokenizer").select("bpe-512").run()
    app = widget(app.text_input, "Name of the run").input("春: 1, 2").run()
    app = widget(app.selectbox, "Text").select("your own text").run()
    text = 100 * "round and round it goes, a: b%2C 春 & c\n"
    app = widget(app.text_area, "… or paste it here").input(text).run()
    again = open_page(**{name: app.query_params[name] for name in ("form", "own-text")})
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


def test_a_name_that_no_folder_can_have_becomes_a_title(open_page, runs):
    for title, name in (("My Spring", "My-Spring"), ("春", "quick"), ("Tést 1", "Test-1")):
        app = open_page()
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
def test_an_alien_form_in_a_link_breaks_nothing(open_page, form):
    app = open_page(form=form, own="../../etc/passwd")
    assert not app.error and widget(app.selectbox, "Recipe").value == "quick"


def test_a_finished_run_is_shown_with_its_curves_sample_and_heads(open_page, runs):
    app = open_page(run="tiny")
    run = load_run(runs / "tiny")
    assert "Finished" in bar(app) and "step 2 of 2" in bar(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    validation = next(trace for trace in figure["data"] if trace.get("name") == "validation")
    assert len(validation["x"]) == len([row for row in run.metrics() if "val_loss" in row]) == 2
    assert f"= {math.log(run.tokenizer.vocab_size):.2f}" in json.dumps(figure["layout"])
    assert app.code[0].value == run.samples()[-1]["text"]
    assert drawn(app)


def test_a_bigram_is_shown_without_heads(open_page):
    app = open_page(run="table")
    assert "Finished" in bar(app) and "no heads" in messages(app) and not drawn(app)


def test_another_run_can_be_chosen(open_page):
    app = open_page(run="tiny")
    app = widget(app.selectbox, "Run").select("table").run()
    assert app.query_params["run"] == "table" and "no heads" in messages(app)


def test_an_interrupted_run_can_be_resumed(open_page, runs):
    run = load_run(runs / "tiny")
    run.set_status("running", 1)
    app = open_page(run="tiny")
    assert "Interrupted" in bar(app) and "step 1 of 2" in bar(app)
    widget(app.button, "Resume").click().run()
    assert run.status.state == "queued"


def test_a_failed_run_says_why(open_page, runs):
    load_run(runs / "tiny").set_status("failed", 1, "the loss became nan at step 1; <b>try</b> a lower learning rate")
    app = open_page(run="tiny")
    assert "Failed" in bar(app) and "The loss became nan at step 1; <b>try</b>" in app.error[0].value.replace("\\", "")


@pytest.mark.parametrize("name", ["nobody", "../tiny", "../../etc/passwd", "<script>alert(1)</script>", ""])
def test_an_unknown_run_is_reported_and_another_one_shown(open_page, name):
    app = open_page(run=name)
    assert "There is no run called" in messages(app) and "Finished" in bar(app)


def test_without_runs_it_says_how_to_begin(open_page, runs):
    for name in ("tiny", "table"):
        shutil.rmtree(runs / name)
    app = open_page()
    assert "No run yet" in messages(app)
    shipped = load_run(loading.SHIPPED / panel.EXAMPLE)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert any(trace.get("name") == "validation" for trace in figure["data"])
    assert app.code[0].value == shipped.samples()[-1]["text"]
    rows = app.switch_page("../pages/runs.py").run().dataframe[0].value["Run"]
    assert set(rows) == {folder.name for folder in loading.SHIPPED.iterdir()}


@pytest.mark.parametrize("damaged", ["config.json", "tokenizer.json"])
def test_a_damaged_run_is_reported(open_page, runs, damaged):
    (runs / "tiny" / damaged).write_text("{")
    app = open_page(run="tiny")
    assert len(app.error) == 1 and "tiny" in app.error[0].value


def test_torn_and_alien_metrics_are_passed_over(open_page, runs):
    with (runs / "tiny" / "metrics.jsonl").open("a") as lines:
        lines.write(
            '[1]\n{"step": "x", "val_loss": 1}\n{"val_loss": null}\n{"step": 3, "val_loss": NaN}\n{"step": 3, "tr'
        )
    assert "Finished" in bar(open_page(run="tiny"))


def test_series_leaves_out_what_is_no_finite_number():
    odd = [math.nan, math.inf, 1e308, 10**400, None, "1", [1]]
    rows = [
        {"step": 0, "loss": 4.0},
        {"step": 1},
        *({"step": 2, "loss": value} for value in odd),
        {"step": 3, "loss": 2},
    ]
    assert curves.series(rows, "loss") == ([0.0, 3.0], [4.0, 2.0])


def test_curves_of_a_run_that_trains_stay_for_two_seconds_and_are_whole_in_the_end(runs):
    run = load_run(runs / "tiny")
    rows = [
        {"step": step, "train_loss": 3.0, "elapsed": 0.5 * step} for step in range(10)
    ]  # the last of them after 4.5 s
    (run.folder / "metrics.jsonl").write_text(
        "\n".join(json.dumps(row) for row in [*rows, {"step": 9, "elapsed": "soon"}])
    )
    with run.lock:
        run.set_status("running", 9)
        assert curves.drawn_metrics(run).series("train_loss")[0].tolist() == list(range(8)), (
            "those of the first four seconds"
        )
        (run.folder / "metrics.jsonl").write_text('{"step": 0, "train_loss": 3.0}\n')
        assert len(curves.drawn_metrics(run).series("train_loss")[0]) == 1, "rows without a time are drawn"
    run.set_status("finished", 9)
    assert curves.drawn_metrics(run).series("train_loss") == ([0], [3.0])


def test_time_left_is_the_recent_pace_times_the_rest():
    steps = np.arange(0, 100, 10)
    numbers = Logged({"elapsed": (steps, 0.5 * steps)})
    assert progress.seconds_left(numbers, 190) == pytest.approx(50)
    assert progress.seconds_left(numbers.before(10), 190) is None


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (75.4, "1:15"), (3599.6, "1:00:00"), (3675, "1:01:15")])
def test_clock(seconds, shown):
    assert progress.clock(seconds) == shown


def test_the_lectures_figure_stands_beside_its_own_rung_alone(runs):
    rung = PRESETS["rung-3"]
    made = {
        name: create_run(runs / name, recipe)
        for name, recipe in {
            "same": Recipe(model=rung.model, steps=9),
            "other-size": Recipe(model=GPTConfig()),
            "other-text": Recipe(model=rung.model, text="sorting"),
        }.items()
    }
    assert curves.published_for(made["same"]).loss == 2.28
    assert curves.published_for(made["other-size"]) is curves.published_for(made["other-text"]) is None
