"""The losses that ship are those that the shipped models have, and nothing else is ever taken for one."""

import shutil

import pytest

from explorer import measured, opened
from explorer.compare import losses, panel
from explorer.explore.interventions.effects import validation_ids
from explorer.opened import DEFAULT, Opened, open_model
from explorer.shared import texts
from explorer.shared.model_list import prompted
from gpt import load_run
from gpt.lens.interventions import ablation_map

MODELS = [ref for ref in prompted() if "/" not in ref]


@pytest.mark.parametrize("ref", MODELS)
def test_a_shipped_loss_is_what_the_model_has(ref):
    shown = open_model(ref)
    pieces = losses.stretches(texts.parts(shown)[1])
    assert measured.known_loss(shown, pieces) == pytest.approx(measured.measured_loss(shown, pieces), abs=1e-5)


@pytest.mark.parametrize("off", ["zero", "mean"])
def test_shipped_effects_are_those_of_the_heads(off):
    shown = open_model("induction")
    ids = validation_ids(shown)
    known = measured.known_effects(shown, off, ids)
    assert known == pytest.approx(ablation_map(shown.model, ids, off).numpy(), abs=1e-5)
    assert measured.known_effects(shown, off, ids[:, :-1]) is None
    assert measured.known_effects(shown.at(shown.run.steps[0]), off, ids) is None


def test_compare_opens_on_losses_that_ship():
    pair = (open_model(DEFAULT), open_model(panel.default_rival(DEFAULT)))
    pieces = losses.stretches(losses.shared_validation_text(pair)[1])
    for shown in pair:
        assert measured.known_loss(shown, pieces) == texts.loss(shown, pieces)


def test_other_texts_steps_weights_and_runs_have_none(tmp_path, monkeypatch):
    shown = open_model("induction")
    pieces = losses.stretches(texts.parts(shown)[1])
    assert measured.known_loss(shown, (*pieces, "a")) is None
    assert measured.known_loss(shown.at(shown.run.steps[0]), pieces) is None
    copy = Opened.of(load_run(shutil.copytree(shown.run.folder, tmp_path / "induction")))
    assert measured.known_loss(copy, pieces) is None
    monkeypatch.setattr(opened, "SHIPPED", tmp_path)
    assert measured.known_loss(copy, pieces) == texts.loss(shown, pieces)
    shutil.copy(copy.run.snapshot_path(copy.run.steps[0]), copy.run.snapshot_path(copy.step))
    assert measured.known_loss(copy, pieces) is None
