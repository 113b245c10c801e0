"""What the curves and the progress bar show of the logged numbers."""

import json

import numpy as np
import pytest

from explorer.train import curves, progress
from gpt import PRESETS, GPTConfig, Recipe, create_run, load_run
from gpt.train.objectives import OBJECTIVES
from gpt.train.tail import Logged
from tests.explorer.drawn import plots


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


def test_other_metrics_are_drawn_in_a_fold_that_opens(open_train, runs):
    app = open_train(run="tiny")
    assert len(plots(app)) == 1
    (fold,) = [fold for fold in app.expander if fold.label == "More metrics"]
    assert not fold.proto.expanded


@pytest.mark.parametrize("objective", OBJECTIVES.values())
def test_every_declared_metric_is_drawn_above_or_in_the_fold(objective):
    shown, folded = curves.shown_metrics(objective), curves.folded_metrics(objective)
    assert sorted(metric.name for metric in (*shown, *folded)) == sorted(m.name for m in objective.metrics)
    assert "grad_norm" in [metric.name for metric in folded]
