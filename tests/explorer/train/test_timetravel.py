"""The page that plays a run's snapshots, through the router."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.explore.heads.names import MEANING
from explorer.figures.tokens import visible
from explorer.opened import SHIPPED, Opened, open_model
from explorer.train.timetravel.reel import read_scores
from gpt import load_run
from gpt.lens import heads
from tests.explorer.drawn import drawn, unpack

PAGE = "../pages/timetravel.py"


@pytest.fixture
def page(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**choices).switch_page(PAGE).run()
        assert not app.exception and app.title[0].value == "Time travel"
        return app

    return open_with


def film_in(app: AppTest):
    return unpack(drawn(app)[0].proto.bytes)


def said(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.caption, app.error) for element in kind)


def add_snapshot(runs: Path, step: int) -> Path:
    folder = runs / "tiny" / "snapshots"
    return Path(shutil.copy(folder / "000002.safetensors", folder / f"{step:06d}.safetensors"))


def test_it_opens_on_the_induction_run_and_says_when_its_heads_form(open_app):
    app = open_app(model="").switch_page(PAGE)
    del app.query_params["model"]
    app = app.run()
    assert not app.exception
    header, codes = film_in(app)
    run = load_run(SHIPPED / "induction")
    assert header["steps"] == run.steps and header["samples"] == [row["text"] for row in run.samples()]
    T = len(header["tokens"])
    assert codes.size == len(run.steps) * 8 * T * (T + 1) // 2
    assert header["kind"] == "induction"
    start, end = header["spans"]["induction"]
    assert 281 <= start < end <= 1500
    assert f"is between steps {start:,} and {end:,} (head L1H" in header["sentences"]["induction"]
    assert "Scores of every head at step 4,000" in app.expander[0].label


def test_every_snapshot_shows_its_own_numbers(page, runs):
    header, codes = film_in(page(prompt="hear me"))
    run = load_run(runs / "tiny")
    frames = codes.reshape(len(run.steps), 6, -1)
    for index, step in enumerate(header["steps"]):
        model = run.model(step)
        logits, cache = model.run_with_cache(
            torch.tensor([run.tokenizer.encode("hear me")]), "blocks.*.attn.hook_pattern"
        )
        last_row = cache["pattern", 1][0, 2, -1].numpy()  # of layer 1, head 2
        assert (frames[index, 5, -7:] / 255.0) ** 2 == pytest.approx(last_row, abs=0.004)
        shown = dict(zip(header["answers"], header["probabilities"][index], strict=True))
        names = map(visible, run.tokenizer.tokens(range(run.tokenizer.vocab_size)))
        expected = dict(zip(names, logits[0, -1].softmax(-1).tolist(), strict=True))
        assert len(shown) == 10 and shown == pytest.approx({name: expected[name] for name in shown}, abs=1e-5)
        assert header["likeliest"][index][1] == pytest.approx(max(expected.values()), abs=1e-4)
    assert header["losses"]["batch"][0][-1] <= run.steps[-1]


def test_it_opens_on_the_score_that_rises_where_no_induction_head_forms(page, runs, monkeypatch):
    scores = {kind: np.zeros((len(load_run(runs / "tiny").steps), 2, 3)) for kind in MEANING}
    scores["duplicate token"][-1, 0, 2] = 0.6
    monkeypatch.setattr("explorer.train.timetravel.reel._scores", lambda opened, steps: scores)
    header = film_in(page(prompt="hear me"))[0]
    assert header["kind"] == "duplicate token" and header["opening"] == [0, 2]
    scores["induction"][-1, 1, 1] = 0.2
    assert film_in(page(prompt="hear me"))[0]["kind"] == "induction"


def test_scores_of_a_snapshot_are_that_models(runs):
    run = load_run(runs / "tiny")
    text = run.corpus().text
    probe = heads.probe_set(run.tokenizer, run.recipe.model.block_size, text)
    for step in run.steps:
        expected = heads.head_scores(run.model(step), probe)
        found = read_scores(Opened.of(run, step), text)
        assert all(found[kind] == pytest.approx(expected[kind].numpy(), nan_ok=True) for kind in heads.SCORES)


def test_a_damaged_snapshot_is_named_and_the_rest_plays(page, runs):
    add_snapshot(runs, 5).write_bytes(b"torn")
    app = page(prompt="hear me")
    assert film_in(app)[0]["steps"] == load_run(runs / "tiny").steps[:-1]
    assert "snapshot of step 5 is left out" in said(app)


def test_a_link_opens_its_step_head_and_comparison(page, runs):
    for step in (30, 700):
        add_snapshot(runs, step)
    app = page(prompt="hear me", step="600", layer="1", head="2", pinned="30")
    assert film_in(app)[0]["request"] == [[700, [1, 2], 30], 0]
    assert "no snapshot of step 600 here; this is the nearest, step 700" in said(app)


def test_new_snapshots_wait_until_they_are_asked_for(page, runs):
    app = page(prompt="hear me")
    before = film_in(app)[0]["steps"]
    add_snapshot(runs, 9)
    app = app.run()
    assert film_in(app)[0]["steps"] == before
    app = next(button for button in app.button if button.label == "1 new snapshot: load").click().run()
    assert film_in(app)[0]["steps"] == [*before, 9]


def test_looking_does_not_push_out_the_models_that_others_look_at(page, runs):
    before = open_model("runs/tiny").model
    for step in range(10, 30):
        add_snapshot(runs, step)
    assert len(film_in(page(prompt="hear me"))[0]["steps"]) > 12
    assert open_model("runs/tiny", 2).model is before


def test_a_bigram_a_single_snapshot_and_an_empty_prompt(page, runs):
    app = page(model="runs/table", prompt="hear me")
    header, codes = film_in(app)
    assert header["layers"] == 0 and codes.size == 0 and header["scores"] == {} and len(header["answers"]) == 10
    app = page(model="shakespeare-char", prompt="hear me")
    assert "no film to play" in said(app) and film_in(app)[0]["opening"] != [0, 0]
    app = page(prompt="")
    assert "The prompt is empty" in said(app) and not drawn(app)


def test_a_run_without_snapshots_has_an_empty_state(page, runs):
    shutil.rmtree(runs / "tiny" / "snapshots")
    app = page(prompt="hear me")
    assert "no snapshot yet" in said(app) and not drawn(app)


def test_without_the_text_of_its_probes_there_are_no_curves(page, runs):
    (runs / "tiny" / "text.txt").unlink()
    app = page(prompt="hear me")
    assert "No score curves" in said(app) and film_in(app)[0]["scores"] == {}
