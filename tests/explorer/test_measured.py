"""The losses that ship are those that the shipped models have, and nothing else is ever taken for one."""

import shutil

import pytest

from explorer import loading, measured, texts
from explorer.panels import comparing
from gpt import load_run

MODELS = [ref for ref in loading.prompted() if "/" not in ref]


@pytest.mark.parametrize("ref", MODELS)
def test_a_shipped_loss_is_what_the_model_has(ref):
    run, pieces = loading.load_run(ref), comparing.stretches(texts.parts(ref)[1])
    known = measured.known_loss(run, run.steps[-1], pieces)
    assert known == pytest.approx(measured.measured_loss(run, loading.load_model(ref), pieces), abs=1e-5)


def test_compare_opens_on_losses_that_ship():
    refs = (loading.DEFAULT, comparing.default_rival(loading.DEFAULT))
    pieces = comparing.stretches(comparing.held_out(refs)[1])
    for ref in refs:
        run = loading.load_run(ref)
        assert measured.known_loss(run, run.steps[-1], pieces) == texts.loss(ref, pieces)


def test_other_texts_steps_weights_and_runs_have_none(tmp_path, monkeypatch):
    run = loading.load_run("induction")
    pieces = comparing.stretches(texts.parts("induction")[1])
    step = run.steps[-1]
    assert measured.known_loss(run, step, (*pieces, "a")) is None
    assert measured.known_loss(run, run.steps[0], pieces) is None
    copy = load_run(shutil.copytree(run.folder, tmp_path / "induction"))
    assert measured.known_loss(copy, step, pieces) is None
    monkeypatch.setattr(measured, "SHIPPED", tmp_path)
    assert measured.known_loss(copy, step, pieces) == texts.loss("induction", pieces)
    shutil.copy(copy.snapshot_path(copy.steps[0]), copy.snapshot_path(step))
    assert measured.known_loss(copy, step, pieces) is None
