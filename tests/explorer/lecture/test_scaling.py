"""Scaling up: the gap of two runs on a short text, and sizes that are counted."""

from functools import partial

import pytest
import torch

from explorer.lecture.scaling import panel as scaling
from explorer.lecture.scaling.figures import loss_gaps
from gpt import PRESETS, Corpus, build_model, create_run, load_corpus, load_run
from gpt.train.loop import train


@pytest.fixture
def scaling_page(open_page):
    return partial(open_page, "scaling")


def test_the_largest_rungs_sizes_are_its_models(scaling_page):
    app = scaling_page()
    with torch.device("meta"):
        size = build_model(PRESETS["rung-7"].model).n_params
    assert not app.exception and app.metric[0].value == f"{size:,}" and app.metric[2].value == "16,384"
    ladder = app.dataframe[-1].value
    assert list(ladder["rung"]) == [1, 2, 3, 4, 5, 6, 7] and ladder["parameters"].iloc[-1] == size
    assert ladder["loss in the lecture"].is_monotonic_decreasing


def test_both_are_trained_on_the_beginning_of_the_text(scaling_page, runs):
    app = scaling_page()
    next(button for button in app.button if button.label == "Train").click().run()
    assert not app.exception
    made = [load_run(folder) for folder in runs.glob("lecture-dropout-*")]
    assert {run.recipe.model.dropout for run in made} == {0.0, 0.2} and {run.status.state for run in made} == {"queued"}
    assert all(run.corpus().text == load_corpus("tinyshakespeare").text[: scaling.CHARACTERS] for run in made)


def test_the_gap_is_what_the_two_texts_differ_by(scaling_page, runs):
    corpus = Corpus(scaling.SHORT, load_corpus("tinyshakespeare").text[: scaling.CHARACTERS], "")
    recipe = scaling.recipes()["no dropout"].changed(steps=2, eval_batches=1)
    train(create_run(runs / "lecture-dropout-no-dropout", recipe, corpus), torch.device("cpu"))
    app = scaling_page()
    row = app.dataframe[0].value.iloc[0]
    assert not app.exception and row["model"] == "no dropout" and row["at step"] == 2
    assert row["gap"] == pytest.approx(row["validation text"] - row["training text"])


def test_the_first_rung_is_not_compared(scaling_page):
    ladder = scaling_page().dataframe[0].value
    assert list(ladder["lower by"]) == ["", "0.10", "0.12", "0.04", "0.16", "0.02", "0.58"]


def test_every_step_needs_a_loss():
    drawn = loss_gaps({"a": (([0, 1], [4, 2]), ([0], [4])), "b": (([], []), ([], []))}, steps=5)
    assert [trace.name for trace in drawn.data] == ["a, train", "a, validation", "b, train", "b, validation"]
    with pytest.raises(ValueError, match="a, validation: 2 steps and 1 losses"):
        loss_gaps({"a": (([], []), ([0, 1], [4]))}, steps=5)
