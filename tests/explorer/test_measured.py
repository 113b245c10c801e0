"""The losses that ship are those that the shipped models have, and nothing else is ever taken for one."""

import shutil

import pytest

from explorer import measured
from explorer.compare import panel
from explorer.explore.interventions import changes
from explorer.shared import loading, texts
from gpt import load_run
from gpt.lens.interventions import ablation_map

MODELS = [ref for ref in loading.prompted() if "/" not in ref]


@pytest.mark.parametrize("ref", MODELS)
def test_a_shipped_loss_is_what_the_model_has(ref):
    run, pieces = loading.load_run(ref), panel.stretches(texts.parts(ref)[1])
    known = measured.known_loss(run, run.steps[-1], pieces)
    assert known == pytest.approx(measured.measured_loss(run, loading.load_model(ref), pieces), abs=1e-5)


@pytest.mark.parametrize("off", ["zero", "mean"])
def test_shipped_effects_are_those_of_the_heads(off):
    run, ids = loading.load_run("induction"), changes.held_out("induction")
    known = measured.known_effects(run, run.steps[-1], off, ids)
    assert known == pytest.approx(ablation_map(loading.load_model("induction"), ids, off).numpy(), abs=1e-5)
    assert measured.known_effects(run, run.steps[-1], off, ids[:, :-1]) is None
    assert measured.known_effects(run, run.steps[0], off, ids) is None


def test_compare_opens_on_losses_that_ship():
    refs = (loading.DEFAULT, panel.default_rival(loading.DEFAULT))
    pieces = panel.stretches(panel.shared_validation_text(refs)[1])
    for ref in refs:
        run = loading.load_run(ref)
        assert measured.known_loss(run, run.steps[-1], pieces) == texts.loss(ref, pieces)


def test_other_texts_steps_weights_and_runs_have_none(tmp_path, monkeypatch):
    run = loading.load_run("induction")
    pieces = panel.stretches(texts.parts("induction")[1])
    step = run.steps[-1]
    assert measured.known_loss(run, step, (*pieces, "a")) is None
    assert measured.known_loss(run, run.steps[0], pieces) is None
    copy = load_run(shutil.copytree(run.folder, tmp_path / "induction"))
    assert measured.known_loss(copy, step, pieces) is None
    monkeypatch.setattr(measured, "SHIPPED", tmp_path)
    assert measured.known_loss(copy, step, pieces) == texts.loss("induction", pieces)
    shutil.copy(copy.snapshot_path(copy.steps[0]), copy.snapshot_path(step))
    assert measured.known_loss(copy, step, pieces) is None
