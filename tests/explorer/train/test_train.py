"""The live part of the Train page, through the router; no worker starts."""

import json
import math
import shutil

import pytest

from explorer.opened import SHIPPED
from explorer.train import panel
from gpt import load_run
from tests.explorer.drawn import drawn, plots
from tests.explorer.elements import messages, progress_text, widget


def test_a_finished_run_is_shown_with_its_curves_sample_and_heads(open_train, runs):
    app = open_train(run="tiny")
    run = load_run(runs / "tiny")
    assert "Finished" in progress_text(app) and "step 2 of 2" in progress_text(app)
    figure = json.loads(plots(app)[0].spec)
    validation = next(trace for trace in figure["data"] if trace.get("name") == "validation")
    assert len(validation["x"]) == len([row for row in run.metrics() if "val_loss" in row]) == 2
    assert f"= {math.log(run.tokenizer.vocab_size):.2f}" in json.dumps(figure["layout"])
    assert app.code[0].value == run.samples()[-1]["text"]
    assert drawn(app)


def test_a_bigram_is_shown_without_heads(open_train):
    app = open_train(run="table")
    assert "Finished" in progress_text(app) and "no heads" in messages(app) and not drawn(app)


def test_another_run_can_be_chosen(open_train):
    app = open_train(run="tiny")
    app = widget(app.selectbox, "Run").select("table").run()
    assert app.query_params["run"] == "table" and "no heads" in messages(app)


def test_an_interrupted_run_can_be_resumed(open_train, runs):
    run = load_run(runs / "tiny")
    run.set_status("running", 1)
    app = open_train(run="tiny")
    assert "Interrupted" in progress_text(app) and "step 1 of 2" in progress_text(app)
    widget(app.button, "Resume").click().run()
    assert run.status.state == "queued"


def test_a_failed_run_says_why(open_train, runs):
    load_run(runs / "tiny").set_status("failed", 1, "the loss became nan at step 1; <b>try</b> a lower learning rate")
    app = open_train(run="tiny")
    assert "Failed" in progress_text(app) and "The loss became nan at step 1; <b>try</b>" in app.error[0].value.replace(
        "\\", ""
    )


@pytest.mark.parametrize("name", ["nobody", "../tiny", "../../etc/passwd", "<script>alert(1)</script>", ""])
def test_an_unknown_run_is_reported_and_another_one_shown(open_train, name):
    app = open_train(run=name)
    assert "There is no run called" in messages(app) and "Finished" in progress_text(app)


def test_without_runs_it_says_how_to_begin(open_train, runs):
    for name in ("tiny", "table"):
        shutil.rmtree(runs / name)
    app = open_train()
    assert "No run yet" in messages(app)
    shipped = load_run(SHIPPED / panel.EXAMPLE)
    figure = json.loads(plots(app)[0].spec)
    assert any(trace.get("name") == "validation" for trace in figure["data"])
    assert app.code[0].value == shipped.samples()[-1]["text"]
    rows = app.switch_page("../pages/runs.py").run().dataframe[0].value["Run"]
    assert set(rows) == {folder.name for folder in SHIPPED.iterdir()}


@pytest.mark.parametrize("damaged", ["config.json", "tokenizer.json"])
def test_a_damaged_run_is_reported(open_train, runs, damaged):
    (runs / "tiny" / damaged).write_text("{")
    app = open_train(run="tiny")
    assert len(app.error) == 1 and "tiny" in app.error[0].value


def test_torn_and_alien_metrics_are_passed_over(open_train, runs):
    with (runs / "tiny" / "metrics.jsonl").open("a") as lines:
        lines.write(
            '[1]\n{"step": "x", "val_loss": 1}\n{"val_loss": null}\n{"step": 3, "val_loss": NaN}\n{"step": 3, "tr'
        )
    assert "Finished" in progress_text(open_train(run="tiny"))
