"""The Runs page and the fork panel, through the router; nothing trains here."""

import json
import shutil

import pytest

from explorer.train import jobs
from explorer.train.runs import trash
from explorer.train.runs.panel import POINTS, sparkline
from gpt import Corpus, create_run, load_run
from gpt.machine import bytes_in_words
from tests.explorer.drawn import plots
from tests.explorer.elements import messages, widget


@pytest.fixture
def open_page(open_app, nothing_starts):
    def open_runs(page: str = "runs", **choices: str):
        app = open_app(**choices).switch_page(f"../pages/{page}.py").run()
        assert not app.exception
        return app

    return open_runs


def table(app) -> dict[str, dict]:
    """Name → its row."""
    frame = app.dataframe[0].value
    return {row["Run"]: row for row in frame.to_dict("records")}


def renamed(app, new: str):
    app = widget(app.button, "Rename").click().run()
    widget(app.text_input, "New name").input(new)
    return widget(app.button, "Rename run").click().run()


def deleted(app):
    app = widget(app.button, "Delete").click().run()
    return widget(app.button, "Delete run").click().run()


def test_all_runs_are_listed_with_what_is_known_of_them(open_page, runs):
    tiny = load_run(runs / "tiny")
    for name in ("second", "third"):
        jobs.create(runs, name, tiny.recipe, tiny.corpus())
    (runs / "torn").mkdir()
    (runs / "torn" / "metrics.jsonl").touch()
    (runs / "holiday").mkdir()
    app = open_page(run="tiny")
    rows = table(app)
    assert set(rows) == {"tiny", "table", "second", "third", "torn"}
    assert [rows[name]["State"] for name in ("tiny", "second", "third", "torn")] == [
        "Finished",
        "Waiting, no. 1",
        "Waiting, no. 2",
        "Damaged",
    ]
    assert rows["tiny"]["Step"] == 1 and rows["tiny"]["At"] == "2 of 2" and rows["second"]["Step"] == 0
    assert rows["tiny"]["Loss"] == tiny.metrics()[-1]["val_loss"]
    assert list(rows["tiny"]["Curve"]) == [row["train_loss"] for row in tiny.metrics() if "train_loss" in row]
    assert rows["tiny"]["Size"].endswith("KB")
    assert widget(app.button, "Resume").disabled and not widget(app.button, "Delete").disabled


def test_a_run_is_renamed_and_the_link_follows(open_page, runs):
    app = open_page(run="tiny", model="runs/tiny")
    app = renamed(app, "lesson")
    assert (runs / "lesson").is_dir() and not (runs / "tiny").exists() and not app.error
    assert (app.query_params["run"], app.query_params["model"]) == ("lesson", "runs/lesson")
    assert widget(app.selectbox, "Run").value == "lesson"
    app = renamed(app, "../x")
    assert "cannot name a run" in messages(app) and (runs / "lesson").is_dir()


def test_a_damaged_run_says_why_and_is_deleted(open_page, runs):
    (runs / "tiny" / "config.json").write_text("{")
    app = open_page(run="tiny")
    assert "tiny" in app.error[0].value
    app = deleted(app)
    assert set(table(app)) == {"table"} and "run" not in app.query_params and not app.error
    app = deleted(app)
    assert "No run yet" in messages(app) and not list(runs.glob("t*"))


def test_a_run_that_vanished_or_trains_is_told(open_page, runs):
    app = widget(open_page(run="tiny").button, "Delete").click().run()
    shutil.rmtree(runs / "tiny")
    app = widget(app.button, "Delete run").click().run()
    assert "there is no run called 'tiny'" in messages(app)
    with load_run(runs / "table").lock:
        app = widget(app.selectbox, "Run").select("table").run()
        assert widget(app.button, "Delete").disabled and widget(app.button, "Rename").disabled


def test_a_question_stays_with_its_run_while_others_add_and_remove_runs(open_page, runs):
    app = widget(open_page().button, "Delete").click().run()
    asked = widget(app.selectbox, "Run").value
    shutil.copytree(runs / "tiny", runs / "newer")
    app = app.run()
    assert widget(app.selectbox, "Run").value == asked, (
        "a run that comes later does not take the place of the one shown"
    )
    app = widget(app.button, "Delete run").click().run()
    assert asked not in table(app) and len(table(app)) == 2
    app = widget(app.button, f"Undo: {asked}").click().run()
    assert (
        asked in table(app)
        and app.query_params["run"] == asked
        and "Undo" not in " ".join(button.label for button in app.button)
    )


@pytest.mark.parametrize("name", ["nobody", "../tiny", "<script>alert(1)</script>"])
def test_an_unknown_run_is_reported(open_page, name):
    assert "There is no run called" in messages(open_page(run=name))


HUGE = 10**400
ROWS = (
    {"step": HUGE, "train_loss": 1.0}, {"step": -5, "val_loss": 1.0}, {"step": True, "val_loss": 1.0}, {"step": [0]},
    *({"step": 1, **dict.fromkeys(("train_loss", "val_loss", "elapsed", "tokens_per_s"), value)}
      for value in (HUGE, 1e308, -1e308, 2**64, True, [1], {"a": 1}, "<img src=x onerror=alert(1)>")),
)  # fmt: skip
SAMPLES = (
    {"step": 1, "text": "<script>alert(1)</script>"}, {"step": HUGE, "text": "x"}, {"step": 1, "text": ["\ud800"]},
    {"step": 2, "text": None},
)  # fmt: skip
RECIPE = {
    "steps": 2**53 - 1,
    "lr": 1e-9,
    "seed": 2**53 - 1,
    "text": "<b>text</b>",
    "about": 99 * "<b>",
    "batch_size": 2**50,
}
PARENT = {"run": "<img src=x onerror=alert(1)>", "step": HUGE, "changed": {"<b>": [9999 * "x"]}}
STATUS = (
    {"state": "running", "step": -5, "why": ""}, {"state": "stopped", "step": HUGE, "why": ""},
    {"state": ["running"], "step": 1, "why": ""},
)  # fmt: skip


@pytest.mark.parametrize("page", ["train", "runs", "timetravel", "race"])
def test_alien_numbers_and_words_break_no_page(open_page, runs, page):
    run = load_run(shutil.copytree(runs / "tiny", runs / "mine-rung-2"))
    for name, rows in (("metrics", ROWS), ("samples", SAMPLES)):
        with (run.folder / f"{name}.jsonl").open("a") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)
    config = json.loads((run.folder / "config.json").read_text())
    config["recipe"] |= RECIPE | {"model": config["recipe"]["model"] | {"dropout": 0.95}}
    (run.folder / "config.json").write_text(json.dumps(config | {"parent": PARENT}))
    (runs / "nested").mkdir()
    (runs / "nested" / "config.json").write_text(100_000 * "[")
    (runs / "nested" / "status.json").write_text(100_000 * "[")
    for status in STATUS:
        (run.folder / "status.json").write_text(json.dumps(status))
        open_page(page, run=run.name, race="mine", model=f"runs/{run.name}")


def test_a_folder_that_nothing_can_be_written_to_is_told(open_page, runs, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    run = load_run(runs / "tiny")
    run.set_status("stopped", 1)
    app = open_page(run="tiny")
    with monkeypatch.context() as patch:
        patch.setattr("gpt.train.run.Run.set_status", full)
        app = widget(app.button, "Resume").click().run()
    assert "No space left on device" in messages(app) and run.status.state == "stopped"
    app = open_page("train", run="tiny")
    with monkeypatch.context() as patch:
        patch.setattr("gpt.train.run.write_json", full)
        app = widget(app.button, "Start").click().run()
        assert "No space left on device" in messages(app) and not (runs / "quick").exists()


def test_a_fork_is_made_from_the_train_page_and_drawn_with_its_parent(open_page, runs):
    app = open_page("train", run="tiny")
    parent = load_run(runs / "tiny")
    app = widget(app.selectbox, "Snapshot").select(0).run()
    app = widget(app.number_input, "Dropout").set_value(0.2).run()
    app = widget(app.number_input, "Ends at step").set_value(9).run()
    app = widget(app.checkbox, "Causal mask").uncheck().run()
    app = widget(app.button, "Fork at step 0").click().run()
    child = load_run(runs / "tiny-fork")
    assert child.parent.step == 0 and child.parent.changed == {"steps": 9, "dropout": 0.2, "causal": False}
    assert child.recipe == parent.recipe.changed(**child.parent.changed) and child.status.state == "queued"
    assert app.query_params["run"] == "tiny-fork" and "Forked from tiny at step 0" in messages(app).replace("*", "")
    figure = json.loads(plots(app)[0].spec)
    assert figure["data"][0]["name"] == "tiny, train"
    assert any(note.get("text") == "fork" for note in figure["layout"]["annotations"])
    trash.delete(runs, "tiny")
    assert "(deleted)" in messages(app.run())


def test_a_text_that_the_fork_cannot_read_is_refused(open_page, runs):
    create_run(runs / "other", load_run(runs / "tiny").recipe, Corpus("other", 90 * "λόγος ", "test"))
    app = open_page("train", run="tiny")
    text = [box for box in app.selectbox if box.label == "Text"][-1]
    app = text.select("sorting").run()
    app = widget(app.button, "Fork at step 2").click().run()
    assert "does not know" in messages(app) and not (runs / "tiny-fork").exists()


def test_a_sparkline_ends_where_the_curve_does():
    assert sparkline([]) == [] and sparkline([3.0]) == [3.0]
    many = sparkline([5.0] * 500 + [1.0])
    assert len(many) <= POINTS and many[-1] == pytest.approx(4.6)


def test_bytes_in_words():
    assert [bytes_in_words(n) for n in (0, 1, 999_001, 1_500_000, 2_000_000_000)] == [
        "0 KB",
        "1 KB",
        "1000 KB",
        "1.5 MB",
        "2.0 GB",
    ]
