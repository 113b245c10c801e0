"""Conclusions: the person's own runs, summed up."""

import json
import shutil

import pytest
import torch

from explorer.lecture.conclusions.figures import climbed
from gpt import PRESETS, create_run
from gpt.train.loop import train
from tests.explorer.drawn import plots


@pytest.fixture
def conclusions_page(open_app):
    return lambda: open_app().switch_page("../pages/conclusions.py").run()


def test_runs_are_summed_up_and_found_on_the_ladder(conclusions_page, runs):
    run = create_run(runs / "mine", PRESETS["rung-1"].changed(steps=3, eval_batches=1))
    train(run, torch.device("cpu"))
    app = conclusions_page()
    assert not app.exception
    table = app.dataframe[0].value.set_index("Run")
    assert set(table.index) == {"mine", "tiny", "table"} and table.loc["mine", "Parameters"] == run.model().n_params
    best = min(row["val_loss"] for row in run.metrics() if "val_loss" in row)
    assert table.loc["mine", "Best loss"] == best and table.loc["mine", "Steps"] == 3
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Runs"] == "3" and values["Steps taken"] == "7"
    ladder = json.loads(plots(app)[0].spec)["data"]
    assert ladder[1]["x"] == [best] and ladder[1]["y"] == [0] and ladder[1]["customdata"] == ["mine"]
    assert len(ladder[0]["x"]) == 7


@pytest.mark.parametrize("size", ["n_layer", "n_embd"])
def test_a_run_that_is_too_large_to_build_is_listed(conclusions_page, runs, size):
    config = json.loads((runs / "tiny" / "config.json").read_text())
    config["recipe"]["model"][size] = 12 * 10**8
    (runs / "tiny" / "config.json").write_text(json.dumps(config))
    app = conclusions_page()
    assert not app.exception and app.dataframe[0].value.set_index("Run").loc["tiny", "Parameters"] > 10**9


def test_a_run_goes_by_its_title(conclusions_page, runs):
    config = json.loads((runs / "tiny" / "config.json").read_text())
    (runs / "tiny" / "config.json").write_text(json.dumps(config | {"title": "My Spring"}))
    app = conclusions_page()
    assert "My Spring" in set(app.dataframe[0].value["Run"])
    assert "My Spring" in next(box for box in app.selectbox if box.label == "Open").options


def test_a_damaged_run_is_told(conclusions_page, runs):
    (runs / "tiny" / "config.json").write_text("{")
    app = conclusions_page()
    assert not app.exception and any("**tiny** cannot be read" in caption.value for caption in app.caption)


def test_without_runs_it_says_where_to_begin(conclusions_page, runs):
    for name in ("tiny", "table"):
        shutil.rmtree(runs / name)
    app = conclusions_page()
    assert not app.exception and any("You have trained nothing yet" in found.value for found in app.markdown)


def test_a_rung_that_is_none_is_refused():
    with pytest.raises(ValueError, match="must be among"):
        climbed({"rung 1": 2.5}, {"rung 9": (2.0, "mine")})
