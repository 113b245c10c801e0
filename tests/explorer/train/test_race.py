"""The ladder race: what is queued, what is tied together, and what is drawn of it."""

import base64
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from explorer.train import jobs, race
from gpt import PRESETS, create_run, load_corpus, load_run
from gpt.model.build import build_model
from gpt.text.batches import draw_batch, split_ids
from gpt.train.loop import train
from tests.explorer.drawn import plots


@pytest.fixture
def race_page(open_page):
    return partial(open_page, "race")


def boxes(app):
    return " ".join(found.value for found in (*app.markdown, *app.caption))


def test_before_the_first_race_each_rung_shows_what_it_adds(race_page):
    app = race_page()
    assert not app.exception and "No race yet" in boxes(app)
    assert "def forward(self, idx: Tensor)" in app.code[0].value
    assert "`n_head` 1 → 4" in boxes(app)
    recorded = [load_run(race.EXAMPLE / f"lecture-rung-{rung}") for rung in race.FIRST]
    assert [run.recipe.model for run in recorded] == [PRESETS[f"rung-{rung}"].model for rung in race.FIRST]
    curves = json.loads(plots(app)[0].spec)["data"][1::2]
    ends = [[row["val_loss"] for row in run.metrics() if "val_loss" in row][-1] for run in recorded]
    assert [plain(curve["y"])[-1] for curve in curves] == ends and all(
        f"validation loss {end:.3f}" in boxes(app) for end in ends
    )
    assert sum(file.stat().st_size for file in race.EXAMPLE.rglob("*") if file.is_file()) < 100_000


def test_start_queues_the_rungs_in_order_on_one_text_and_seed(race_page, runs):
    app = race_page()
    app.number_input(key="race:steps").set_value(60)
    app.number_input(key="race:seed").set_value(7)
    app.button[0].click().run()
    assert not app.exception
    queued = [load_run(runs / f"race-1-rung-{rung}") for rung in race.FIRST]
    assert [run.name for run in jobs.live(runs)] == [run.name for run in queued]
    assert {(run.recipe.text, run.recipe.seed, run.recipe.steps) for run in queued} == {("tinyshakespeare", 7, 60)}
    assert [run.recipe.model for run in queued] == [PRESETS[f"rung-{rung}"].model for rung in race.FIRST]
    assert app.query_params["race"] == "race-1"
    app.button[0].click().run()
    assert "race-2-rung-5" in {folder.name for folder in runs.iterdir()}


def test_rungs_read_the_very_same_batches():
    ids, _ = split_ids(torch.arange(5000))
    drawn = []
    for rung in range(1, 7):
        recipe = race.recipe(rung, 100, 7)
        build_model(replace(recipe.model, vocab_size=65))  # weights draw from torch's own generator, batches do not
        drawn.append(
            draw_batch(ids, recipe.batch_size, recipe.model.block_size, torch.Generator().manual_seed(recipe.seed))[0]
        )
    assert all(torch.equal(drawn[0], batch) for batch in drawn)


def plain(spec) -> list[float]:
    """A trace's numbers, which go to the browser as bytes."""
    return np.frombuffer(base64.b64decode(spec["bdata"]), spec["dtype"]).tolist()


def test_curves_along_tokens_and_seconds(race_page, runs):
    run = create_run(
        runs / "mine-rung-1", replace(race.recipe(1, 50, 7), eval_batches=1), load_corpus("tinyshakespeare")
    )
    train(run, torch.device("cpu"))
    app = race_page(race="mine")
    assert not app.exception
    spec = json.loads(plots(app)[0].spec)
    rows = [row for row in run.metrics() if "val_loss" in row]
    assert plain(spec["data"][1]["x"]) == [row["step"] * 32 * 8 for row in rows]
    assert plain(spec["data"][1]["y"]) == [row["val_loss"] for row in rows]
    assert "2.50 lecture" in [note["text"] for note in spec["layout"]["annotations"]]
    assert run.samples()[-1]["text"] in [code.value for code in app.code]
    app.get("button_group")[1].set_value("seconds of training").run()
    spec = json.loads(plots(app)[0].spec)
    assert plain(spec["data"][1]["x"]) == [row["elapsed"] for row in rows]
    link = race_page(race="mine", axis="seconds of training")  # as it was copied then
    assert app.query_params["axis"] == "seconds of training"
    assert plain(json.loads(plots(link)[0].spec)["data"][1]["x"]) == [row["elapsed"] for row in rows]


def test_a_rung_that_has_not_begun_does_not_stretch_the_axis(race_page, runs):
    corpus = load_corpus("tinyshakespeare")
    run = create_run(runs / "mine-rung-1", replace(race.recipe(1, 50, 7), eval_batches=1), corpus)
    create_run(runs / "mine-rung-7", race.recipe(7, 50, 7), corpus)
    ends = []
    for _ in range(2):
        spec = json.loads(plots(race_page(race="mine"))[0].spec)
        ends.append(spec["layout"]["xaxis"]["range"][1])
        if not run.steps:
            train(run, torch.device("cpu"))
    assert ends == [50 * 64 * 256, 50 * 32 * 8]


def test_a_race_that_is_not_there_and_a_damaged_run_are_told(race_page, runs):
    run = create_run(runs / "mine-rung-2", race.recipe(2, 50, 7), load_corpus("tinyshakespeare"))
    (runs / "mine-rung-3").mkdir()
    (runs / "mine-rung-3" / "config.json").write_text("{")
    app = race_page(race="<b>no</b>")
    assert not app.exception and "There is no race called" in app.warning[0].value
    assert "cannot be read" in app.error[0].value and "**Waiting** · step 0 of 50" in boxes(app)
    assert run.status.state == "queued"
