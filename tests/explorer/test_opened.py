"""The model that a page looks at: when two are equal, what a cached result depends on, and how often a page opens
it.
"""

import shutil

import numpy as np
import pytest

from explorer import opened
from explorer.opened import DEFAULT, Opened, open_model
from explorer.shared import patterns
from explorer.shared.cache import cached
from explorer.shared.prompt import read_prompt

IDS = (1, 2, 3)


@pytest.fixture
def calls() -> list[tuple[Opened, int]]:
    return []


@pytest.fixture
def measure(calls):
    @cached(max_entries=8)
    def measure(opened: Opened, number: int) -> np.ndarray:
        calls.append((opened, number))
        return np.array([number])

    measure.clear()
    return measure


def test_equal_files_are_the_same_model(runs):
    one, other = open_model("runs/tiny"), open_model("runs/tiny")
    assert one == other and hash(one) == hash(other) and one.model is other.model
    assert one == one.at(one.step) and one.at(one.step).model is one.model
    assert one != open_model("runs/table") and one != one.at(one.run.steps[0])
    assert (one.ref, one.label, open_model(DEFAULT).ref) == ("runs/tiny", "runs/tiny", DEFAULT)
    assert one.config == one.model.config and one.tokenizer.vocab_size == one.config.vocab_size


def test_a_replaced_snapshot_is_another_model(runs):
    before = open_model("runs/tiny")
    assert before.model is open_model("runs/tiny").model
    first, last = before.run.steps[0], before.run.steps[-1]
    shutil.copy(before.run.snapshot_path(first), before.run.snapshot_path(last))
    after = open_model("runs/tiny")
    assert after != before
    assert np.array_equal(patterns.attention(after, IDS), patterns.attention(after.at(first), IDS))


def test_another_tokenizer_is_another_model(runs):
    before = open_model("runs/tiny")
    (runs / "tiny" / "tokenizer.json").write_text((runs / "tiny" / "tokenizer.json").read_text() + "\n")
    assert open_model("runs/tiny") != before


def test_weights_are_read_when_they_are_asked_for(runs):
    shutil.rmtree(runs / "tiny" / "snapshots")
    shown = open_model("runs/tiny")
    assert shown.step is None and shown.config.n_layer == 2 and read_prompt(shown, "hear").ids
    with pytest.raises(ValueError, match="no snapshot yet"):
        _ = shown.model


def test_a_result_is_computed_once_for_equal_models(runs, measure, calls):
    one = open_model("runs/tiny")
    measure(one, 1)[:] = 7  # the caller's own copy
    assert measure(open_model("runs/tiny"), 1) == [1] and calls == [(one, 1)]


def test_a_result_depends_on_the_snapshot_and_on_the_other_arguments(runs, measure, calls):
    one = open_model("runs/tiny")
    first = one.at(one.run.steps[0])
    measure(one, 1), measure(one, 2), measure(first, 1), measure(first, 1)
    assert calls == [(one, 1), (one, 2), (first, 1)]
    assert not np.array_equal(patterns.next_token(one, IDS)[1], patterns.next_token(first, IDS)[1])


def test_a_result_of_a_text_is_the_same_at_each_snapshot(runs, calls):
    @cached(max_entries=8, shared=True, by="text_identity")
    def letters(opened: Opened) -> list[str]:
        calls.append((opened, 0))
        return sorted(set(opened.run.corpus().text))

    letters.clear()
    one = open_model("runs/tiny")
    assert letters(one) is letters(one.at(one.run.steps[0])) and len(calls) == 1
    (runs / "tiny" / "text.txt").write_text("another text, long enough to be read as one\n" * 20)
    assert letters(one) != letters(open_model("runs/table")) and len(calls) == 3


@pytest.mark.parametrize(
    "page", ["attention", "heads", "interventions", "residual", "logits", "flow", "timetravel", "intro", "multihead"]
)
def test_a_rerun_opens_each_model_once(open_app, monkeypatch, page):
    app = open_app(prompt="hear me").switch_page(f"../pages/{page}.py").run()
    names = []
    looked_up = opened.folder_of
    monkeypatch.setattr(opened, "folder_of", lambda ref: names.append(ref) or looked_up(ref))
    app.run()
    assert not app.exception and "runs/tiny" in names and len(names) == len(set(names))
