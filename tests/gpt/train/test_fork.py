import json
from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt import Corpus, GPTConfig, Recipe, RunError, build_model, create_run, load_run
from gpt.model.config import RopeScaling
from gpt.train.fork import fork_run, skip
from gpt.train.loop import train
from gpt.train.run import shapes_of

CPU = torch.device("cpu")
CONSTANT = {"schedule": "constant", "warmup": 0, "snapshots": 5}


@pytest.fixture(scope="module")
def parent(tmp_path_factory, recipe, corpus):
    """A trained run with a constant learning rate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpt.train.objectives.language.SAMPLE_TOKENS", 20)
        run = create_run(tmp_path_factory.mktemp("runs") / "parent", recipe(**CONSTANT), corpus)
        train(run, CPU)
    return load_run(run.folder)


@pytest.fixture(autouse=True)
def short_samples(monkeypatch):
    monkeypatch.setattr("gpt.train.objectives.language.SAMPLE_TOKENS", 20)


def loss_at(run, step: int, name: str = "train_loss") -> float:
    return next(row[name] for row in run.metrics() if row["step"] == step)


def test_a_fork_without_changes_begins_where_its_parent_was(parent, tmp_path):
    for step in parent.steps[:-1]:
        child = fork_run(parent, step, tmp_path / f"at-{step}")
        assert (child.status.state, child.status.step, child.steps) == ("queued", step, [])
        train(child, CPU)
        assert child.metrics()[0]["step"] == child.samples()[0]["step"] == child.steps[0] == step
        assert loss_at(child, step) == loss_at(parent, step)
        assert child.samples()[0] == next(row for row in parent.samples() if row["step"] == step)
        assert child.status.step == child.steps[-1] == 30
        mine, theirs = (run.model(step).state_dict() for run in (child, parent))
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    whole = fork_run(parent, 0, tmp_path / "whole")  # Adam begins with nothing there, as the parent's did
    train(whole, CPU)
    assert [row["train_loss"] for row in whole.metrics()[:-1]] == [row["train_loss"] for row in parent.metrics()[:-1]]


def test_a_fork_remembers_its_parent_and_old_loaders_read_it(parent, tmp_path):
    child = load_run(fork_run(parent, parent.steps[2], tmp_path / "child", lr=0.5, dropout=0.25).folder)
    assert child.parent.run == "parent" and child.parent.step == child.status.step
    assert child.parent.changed == {"lr": 0.5, "dropout": 0.25}
    assert (child.recipe.lr, child.recipe.model.dropout) == (0.5, 0.25)
    config = json.loads((child.folder / "config.json").read_text(encoding="utf-8"))
    assert config["format"] == 1 and Recipe.from_dict(config["recipe"]) == child.recipe
    assert parent.parent is None and child.corpus().text == parent.corpus().text
    train(child, CPU)
    grandchild = fork_run(child, None, tmp_path / "grandchild", steps=40, causal=False)
    assert grandchild.parent.run == "child" and grandchild.parent.step == 30
    train(load_run(grandchild.folder), CPU)
    assert grandchild.status.state == "finished" and grandchild.steps[0] == 30 and grandchild.steps[-1] == 40


def test_a_stopped_fork_resumes_as_if_it_had_not_been(parent, tmp_path):
    step = parent.steps[1]
    whole, parts = (
        fork_run(parent, step, tmp_path / name, dropout=0.2, optimizer="muon") for name in ("whole", "parts")
    )
    train(whole, CPU)
    train(parts, CPU, lambda row: parts.stop_request.touch() if row["step"] == 20 else None)
    assert parts.status.state == "stopped"
    train(load_run(parts.folder), CPU)
    losses = [[row.get("train_loss") for row in run.metrics()] for run in (whole, parts)]
    assert losses[0] == losses[1] and len(losses[0]) == 31 - step


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "muon"}, {"schedule": "cosine"}, {"residual": False}, {"scale": False}, {"causal": False},
        {"activation": "relu"},
        {"seed": 3},
    ],
    ids=str,
)  # fmt: skip
def test_switches_that_keep_the_shapes_can_change(parent, tmp_path, changes):
    child = fork_run(parent, 0, tmp_path / "child", steps=4, **changes)
    train(child, CPU)
    assert child.status.state == "finished"
    assert [row["train_loss"] for row in child.metrics()[:-1]] != [row["train_loss"] for row in parent.metrics()[:4]]


def test_a_fork_stretches_rotary_positions(new_run, tmp_path):
    rotary = new_run(positions="rotary", steps=2, snapshots=2)
    train(rotary, CPU)
    stretched = RopeScaling("linear", 2.0)
    first = fork_run(rotary, 0, tmp_path / "first", rope_scaling=stretched)
    again = fork_run(rotary, 0, tmp_path / "again", **load_run(first.folder).parent.changed)
    for child in (first, again):
        train(load_run(child.folder), CPU)
        assert load_run(child.folder).recipe.model == replace(rotary.recipe.model, rope_scaling=stretched)
        assert load_run(child.folder).parent.changed == {"rope_scaling": asdict(stretched)}
    losses = [[row["train_loss"] for row in run.metrics()[:2]] for run in (rotary, first, again)]
    assert losses[1] == losses[2] != losses[0]
    ids = torch.arange(5)[None]
    assert not torch.allclose(*(fork.model(0)(ids) for fork in (rotary, first))), "the same weights, turned less"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"n_layer": 2}, "n_layer=2"), ({"n_embd": 16}, "n_embd=16"), ({"block_size": 16}, "block_size=16"),
        ({"bias": False}, "bias=False"), ({"mlp": False}, "mlp=False"), ({"vocab_size": 3}, "vocab_size=3"),
        ({"positions": "none"}, "positions='none'"),
        ({"tokenizer": "bpe-300"}, "tokenizer"), ({"steps": 30}, "steps=30"), ({"lr": -1}, r"Recipe\.lr=-1"),
        ({"wings": 2}, "wings"),
        ({"n_embd": 10**12}, "weights needs over 1,000 TB of memory to open"),
        ({"text": "nowhere", "steps": 40}, "nowhere"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_change_is_named_and_leaves_no_folder(parent, tmp_path, changes, named):
    with pytest.raises(ValueError, match=named):
        fork_run(parent, None, tmp_path / "child", **changes)
    assert not (tmp_path / "child").exists()


def test_a_text_with_unknown_characters_is_refused(parent, tmp_path):
    with pytest.raises(ValueError, match=r"'greek' has characters that .* does not know: 'λ' 'ό'"):
        fork_run(parent, 0, tmp_path / "child", corpus=Corpus("greek", "to be λό " * 50, "test"))
    assert not (tmp_path / "child").exists()
    other = Corpus("other", "not to be, that is the question " * 50, "test")
    with pytest.raises(ValueError, match="does not know: ','"):
        fork_run(parent, 0, tmp_path / "child", corpus=other)
    other = Corpus("other", other.text.replace(",", ""), "test")
    child = fork_run(parent, 0, tmp_path / "child", corpus=other, steps=3)
    assert child.parent.changed == {"steps": 3, "text": "other"} and load_run(child.folder).corpus().text == other.text
    train(child, CPU)
    assert child.tokenizer.to_dict() == parent.tokenizer.to_dict() and child.status.state == "finished"


def test_a_fork_never_writes_into_another_run(parent, tmp_path):
    with pytest.raises(RunError, match="not empty"):
        fork_run(parent, 0, parent.folder)
    with pytest.raises(RunError, match="no snapshot of step 7777"):
        fork_run(parent, 7777, tmp_path / "child")


@pytest.mark.parametrize(
    "alien",
    [5, [], {}, {"run": 5, "step": 1, "changed": {}}, {"run": "a", "step": -1, "changed": {}},
        {"run": "a", "step": 1, "changed": 3}],
)  # fmt: skip
def test_an_alien_parent_is_refused(parent, tmp_path, alien):
    child = fork_run(parent, 0, tmp_path / "child")
    config = json.loads((child.folder / "config.json").read_text(encoding="utf-8"))
    (child.folder / "config.json").write_text(json.dumps(config | {"parent": alien}), encoding="utf-8")
    with pytest.raises(RunError, match="child"):
        load_run(child.folder)


@given(n_head=st.sampled_from([1, 2, 4]), residual=st.booleans(), tied=st.booleans())
def test_shapes_are_a_models_own(n_head, residual, tied):
    config = GPTConfig(
        vocab_size=7, block_size=4, n_layer=1, n_head=n_head, n_embd=8, residual=residual, tie_weights=tied
    )
    assert shapes_of(config) == {name: list(value.shape) for name, value in build_model(config).state_dict().items()}


@pytest.mark.parametrize("size", [1, 1089, 10**6])
def test_skipped_numbers_are_those_that_batches_would_have_drawn(size):
    drawn, skipped = (torch.Generator().manual_seed(3) for _ in range(2))
    for _ in range(50):
        torch.randint(size, (7, 1), generator=drawn)
    skip(skipped, 350)
    assert torch.equal(drawn.get_state(), skipped.get_state())


def test_a_snapshot_beyond_the_run_is_not_forked(new_run):
    run = new_run(steps=2, snapshots=2)
    train(run, torch.device("cpu"))
    run.snapshot_path(2).rename(run.snapshot_path(50_000_000))
    with pytest.raises(RunError, match="has 2 steps, so its snapshot of step 50000000 is not its own"):
        fork_run(run, None, run.folder.parent / "child", steps=60_000_000)
    assert not (run.folder.parent / "child").exists()
