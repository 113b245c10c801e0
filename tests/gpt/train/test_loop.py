import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from torch.nn import functional as F

from gpt import Corpus, RunError, create_run, generate, load_run
from gpt.text.batches import split_ids
from gpt.train.faults import good_snapshots
from gpt.train.files import write_tensors
from gpt.train.fork import fork_run
from gpt.train.loop import Trainer, TrainingFailed, pick_device, train
from gpt.train.objectives.language import estimate_loss
from gpt.train.recipe import snapshot_steps

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
TIMING = ("elapsed", "tokens_per_s")


@pytest.fixture(autouse=True)
def short_samples(monkeypatch):
    monkeypatch.setattr("gpt.train.objectives.language.SAMPLE_TOKENS", 20)


def curve(run) -> list[dict]:
    """The logged rows without what depends on the clock."""
    return [{name: value for name, value in row.items() if name not in TIMING} for row in run.metrics()]


def assert_same(run, other) -> None:
    assert curve(run) == curve(other)
    assert run.samples() == other.samples()
    for name, weights in run.model().state_dict().items():
        assert torch.equal(weights, other.model().state_dict()[name]), name


def stop_at(run, step):
    """A listener that asks the run to stop once that step is logged."""
    return lambda row: run.stop_request.touch() if row["step"] == step else None


def test_a_run_folder_has_everything(new_run, recipe, corpus):
    run, seen = new_run(), []
    assert run.status.state == "queued" and run.steps == []
    train(run, CPU, seen.append)
    again = load_run(run.folder)
    assert again.recipe == run.recipe and again.recipe.model.vocab_size == again.tokenizer.vocab_size
    assert again.status.state == "finished" and again.status.step == 30
    assert again.steps == snapshot_steps(30, 5)
    names = {path.name for path in run.folder.iterdir() if not path.name.startswith(".")}
    assert names == {
        "config.json", "tokenizer.json", "metrics.jsonl", "samples.jsonl", "snapshots", "resume", "status.json", "text.txt"
    }  # fmt: skip
    assert (run.folder / "snapshots" / "000030.safetensors").is_file()
    config = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    assert set(config) == {"format", "recipe", "versions"} and config["recipe"]["seed"] == 7
    rows = again.metrics()
    assert rows == seen and [row["step"] for row in rows] == list(range(31))
    assert all({"train_loss", "lr", "grad_norm", "elapsed", "tokens_per_s"} <= set(row) for row in rows[:-1])
    assert [row["step"] for row in rows if "val_loss" in row] == [0, 10, 20, 30]
    assert [row["step"] for row in again.samples()] == again.steps
    assert all(set(row) == {"step", "prompt", "seed", "text"} and len(row["text"]) == 20 for row in again.samples())


def test_training_learns(new_run):
    run = new_run(steps=150, eval_every=150)
    train(run, CPU)
    first, last = (row["val_loss"] for row in run.metrics() if "val_loss" in row)
    assert last < first - 0.5


def test_a_sample_is_what_that_snapshot_writes(new_run):
    run = new_run()
    train(run, CPU)
    for row in run.samples():
        prompt = torch.tensor(run.tokenizer.encode(row["prompt"]))
        steps = generate(run.model(row["step"]), prompt, 20, seed=row["seed"])
        assert run.tokenizer.decode(step.token for step in steps) == row["text"]


def test_the_first_row_by_hand(new_run):
    run = new_run()
    train(run, CPU)
    model, first = run.model(step=0), run.metrics()[0]
    train_ids, val_ids = split_ids(run.tokenizer.encode(run.corpus().text))
    starts = torch.randint(len(train_ids) - 8, (4, 1), generator=torch.Generator().manual_seed(7))
    chunks = train_ids[starts + torch.arange(9)]
    loss = F.cross_entropy(model(chunks[:, :-1]).flatten(0, 1), chunks[:, 1:].flatten())
    assert first["train_loss"] == pytest.approx(loss.item(), abs=1e-6)
    assert first["val_loss"] == estimate_loss(model, val_ids, run.recipe)
    assert first["lr"] == pytest.approx(1e-2 / 4)


def test_estimating_the_loss_disturbs_nothing(new_run):
    run = new_run()
    train(run, CPU)
    model, ids = run.model().train(), split_ids(run.tokenizer.encode(run.corpus().text))[1]
    before = torch.get_rng_state()
    assert estimate_loss(model, ids, run.recipe) == estimate_loss(model, ids, run.recipe)
    assert torch.equal(torch.get_rng_state(), before) and model.training


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": 0.2},
        {"dropout": 0.2, "optimizer": "muon", "grad_clip": 0.5},
        {"n_layer": 0},
        {"tie_weights": True, "positions": "sinusoidal", "precision": "bfloat16", "norm": "batch"},
        {"snapshots": 1},
    ],
    ids=str,
)
def test_a_resumed_run_is_the_uninterrupted_one(new_run, changes):
    whole, parts = new_run(**changes), new_run(**changes)
    train(whole, CPU)
    for step in (4, 13):
        train(load_run(parts.folder), CPU, stop_at(parts, step))
        assert parts.status.state == "stopped" and parts.status.step == step + 1
        assert not parts.stop_request.exists()
        torch.manual_seed(step)  # whatever else the process does
    train(load_run(parts.folder), CPU)
    assert parts.status.state == "finished"
    assert curve(whole) == curve(parts)
    for name, weights in whole.model().state_dict().items():
        assert torch.equal(weights, parts.model().state_dict()[name]), name


KILLED = """
import os, signal, sys, torch
from gpt import load_run
from gpt.train import loop
from gpt.train.objectives import language
language.SAMPLE_TOKENS = 20
torch.set_num_threads(1)
loop.train(load_run(sys.argv[1]), torch.device("cpu"), lambda row: row["step"] == 14 and os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_killed_run_is_interrupted_and_resumes_as_if_nothing_had_been(new_run):
    whole, killed = new_run(dropout=0.2), new_run(dropout=0.2)
    train(whole, CPU)
    worker = subprocess.run([sys.executable, "-c", KILLED, killed.folder], cwd=ROOT, capture_output=True)
    assert worker.returncode == -signal.SIGKILL, worker.stderr.decode()
    assert json.loads((killed.folder / "status.json").read_text())["state"] == "running"
    assert killed.status.state == "interrupted" and "can be resumed" in killed.status.why
    newest = max(step for step in snapshot_steps(30, 5) if step <= 15)
    assert killed.steps[-1] == newest < 14 == killed.metrics()[-1]["step"]
    with (killed.folder / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 15, "train_lo')
    train(load_run(killed.folder), CPU)
    assert_same(whole, killed)


ENDED = """
import os, signal, sys, torch
from gpt import load_run
from gpt.train import loop
from gpt.train.objectives import language
language.SAMPLE_TOKENS = 20
torch.set_num_threads(1)
loop.SAVE_EVERY, loop.SAVE_SHARE = 0, float("inf")  # save at each step
run, number, where = load_run(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
evaluate = loop.Trainer.evaluate
def evaluate_and_end(trainer):
    if where == "evaluating" and trainer.step == 20:
        os.kill(os.getpid(), number)
    return evaluate(trainer)
loop.Trainer.evaluate = evaluate_and_end
loop.train(run, torch.device("cpu"), lambda row: where == "training" and row["step"] == 14 and os.kill(os.getpid(), number))
"""


@pytest.mark.parametrize(
    ("number", "where", "code"),
    [
        (signal.SIGKILL, "training", -9),
        (signal.SIGTERM, "training", 143),
        (signal.SIGTERM, "evaluating", 143),
        (signal.SIGINT, "training", 1),  # KeyboardInterrupt
    ],
)
def test_an_ended_process_loses_nothing(new_run, number, where, code):
    """A recipe with one snapshot: the state is saved by time, and when a signal asks the process to end."""
    changes = {"snapshots": 1, "dropout": 0.2, "optimizer": "muon"}
    whole, ended = new_run(**changes), new_run(**changes)
    train(whole, CPU)
    worker = subprocess.run(
        [sys.executable, "-c", ENDED, ended.folder, str(int(number)), where], cwd=ROOT, capture_output=True
    )
    assert worker.returncode == code, worker.stderr.decode()
    asked = {"training": 15, "evaluating": 20}[where]
    if number == signal.SIGKILL:
        assert ended.status.state == "interrupted"
        asked -= 1  # saved before the step, logged after it
    else:
        assert (ended.status.state, ended.status.step) == ("stopped", asked)
        assert ended.status.why == f"ended by {number.name}; it can be resumed"
    rows = []
    train(load_run(ended.folder), CPU, rows.append)
    assert rows[0]["step"] == asked and ended.status.state == "finished"
    assert_same(whole, ended)


def test_a_state_that_is_no_number_does_not_replace_a_good_one(new_run):
    run = new_run()
    trainer = Trainer(run, CPU)
    trainer.save()
    good = run.resume_path.read_bytes()
    trainer.advance()
    with torch.no_grad():
        trainer.model.unembed.weight[0, 0] = torch.nan
    trainer.save()
    assert run.resume_path.read_bytes() == good


def test_samples_of_stops_between_snapshots_are_kept_once(new_run):
    whole, parts = new_run(), new_run()
    train(whole, CPU)
    for step in (4, 13, 13):  # the third stop is at once, where the second was
        train(load_run(parts.folder), CPU, stop_at(parts, step))
        if step == 13:
            parts.stop_request.touch()
    train(load_run(parts.folder), CPU)
    assert parts.status.state == "stopped" and parts.status.step == 14
    train(load_run(parts.folder), CPU)
    assert parts.steps == [row["step"] for row in parts.samples()] == sorted({*whole.steps, 5, 14})
    assert [row for row in parts.samples() if row["step"] in whole.steps] == whole.samples()
    assert curve(whole) == curve(parts)


def test_a_run_killed_before_its_first_snapshot_starts_anew(new_run):
    whole, killed = new_run(snapshots=1), new_run(snapshots=1)
    train(whole, CPU)
    with pytest.raises(SystemExit):
        train(killed, CPU, lambda row: sys.exit() if row["step"] == 14 else None)  # ends without a word, as if killed
    assert killed.status.state == "interrupted" and killed.steps == [] and len(killed.metrics()) == 15
    train(load_run(killed.folder), CPU)
    assert_same(whole, killed)


def test_resuming_a_finished_run_changes_nothing(new_run):
    run = new_run()
    train(run, CPU)
    before, weights = curve(run), run.model().state_dict()
    train(load_run(run.folder), CPU)
    assert curve(run) == before and run.status.state == "finished"
    assert all(torch.equal(value, weights[name]) for name, value in run.model().state_dict().items())


def test_a_run_without_a_saved_state_is_not_trained_over(new_run):
    run = new_run()
    train(run, CPU)
    run.resume_path.unlink()
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="no state to go on from; train anew in another folder"):
        train(load_run(run.folder), CPU)
    assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def test_a_stop_asked_for_before_the_start_is_heard(new_run):
    run = new_run()
    run.stop_request.touch()
    train(run, CPU)
    assert run.status.state == "stopped" and run.status.step == 0 and run.steps == [0]
    assert not run.stop_request.exists()


class Clock:
    """A millisecond passes at every look; a sleep is a thousand seconds."""

    now = 0.0

    def perf_counter(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += 1000
        time.sleep(0.01)


@pytest.mark.parametrize("then", ["go on", "stop"])
def test_a_pause_waits_until_it_is_lifted_and_is_no_training_time(new_run, monkeypatch, then):
    whole, run = new_run(), new_run()
    train(whole, CPU)
    monkeypatch.setattr("gpt.train.loop.time", Clock())
    worker = threading.Thread(
        target=train, args=(run, CPU, lambda row: run.pause_request.touch() if row["step"] == 5 else None)
    )
    worker.start()
    while run.status.state != "paused":
        assert worker.is_alive()
        time.sleep(0.01)
    logged = len(run.metrics())
    time.sleep(0.2)
    assert len(run.metrics()) == logged == 6 and run.status.state == "paused" and run.status.step == 6
    run.stop_request.touch() if then == "stop" else run.pause_request.unlink()
    worker.join(timeout=60)
    assert not worker.is_alive()
    if then == "stop":
        assert run.status.state == "stopped" and run.status.step == 6
    else:
        assert_same(whole, run)
        assert all(row["elapsed"] < 1000 for row in run.metrics())
        assert all(row["tokens_per_s"] > 1 for row in run.metrics() if "train_loss" in row)


def test_a_second_worker_is_turned_away_and_touches_nothing(new_run):
    run = new_run()
    run.set_status("running", 12)
    with FileLock(run.folder / ".lock"):
        before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
        assert run.status.state == "running" and run.is_held
        with pytest.raises(RunError, match="is being trained by another process"):
            train(load_run(run.folder), CPU)
        assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert not run.is_held and run.status.state == "interrupted"


def test_a_diverging_run_fails_with_a_reason_and_keeps_its_snapshots(new_run):
    run = new_run(n_layer=6, norm="none", activation="relu", lr=10, schedule="constant", warmup=0, snapshots=30)
    with pytest.raises(TrainingFailed, match="logits are no numbers; its training diverged"):
        train(run, CPU)
    step = run.status.step
    assert run.status.state == "failed" and f"the last good snapshot is that of step {step - 1}" in run.status.why
    assert 0 < step < 30 and run.steps == list(range(step)) and len(run.metrics()) == step
    assert all(run.model(step)(torch.tensor([[0]])).isfinite().all() for step in run.steps)


def test_a_good_snapshot_is_finite_and_not_worse_than_untrained(new_run):
    """Huge numbers are no loss of a good model, though they are finite."""
    run = new_run()
    train(run, CPU)
    trainer = Trainer(load_run(run.folder), CPU)
    assert good_snapshots(run, trainer.objective, CPU) == "the last good snapshot is that of step 30"
    for step, factor in zip(reversed(run.steps[1:]), (torch.nan, 1e9), strict=False):
        weights = {name: tensor * factor for name, tensor in run.model(step).state_dict().items()}
        write_tensors(run.snapshot_path(step), weights)
    good = run.steps[-3]
    assert good > 0
    expected = f"the last good snapshot is that of step {good}; later ones are worse than the model before training"
    assert good_snapshots(run, trainer.objective, CPU) == expected
    for step in run.steps[1:]:
        write_tensors(
            run.snapshot_path(step), {name: tensor * 1e9 for name, tensor in run.model(step).state_dict().items()}
        )
    assert good_snapshots(run, trainer.objective, CPU).startswith("the last good snapshot is that of step 0;")
    run.snapshot_path(0).unlink()
    assert (
        good_snapshots(run, trainer.objective, CPU) == "none of its snapshots is as good as the model before training"
    )


def test_a_loss_that_is_no_number_fails_with_a_reason(new_run):
    run = new_run(n_layer=6, norm="none", activation="relu", lr=10, schedule="constant", warmup=0, snapshots=1)
    with pytest.raises(TrainingFailed, match=r"became (nan|inf) at step \d+; try a lower learning rate than 10"):
        train(run, CPU)
    assert run.status.state == "failed" and "try a lower learning rate" in run.status.why and run.steps == []
    assert len(run.metrics()) == run.status.step > 0
    assert "NaN" not in (run.folder / "metrics.jsonl").read_text()


def test_a_text_of_ones_own_travels_with_the_run(new_run, corpus, tmp_path):
    run = new_run()
    assert (run.folder / "text.txt").read_text(encoding="utf-8") == corpus.text
    elsewhere = tmp_path / "moved"
    run.folder.rename(elsewhere)
    run = load_run(elsewhere)
    assert run.corpus().text == corpus.text and run.corpus().name == "own"
    train(run, CPU)
    assert run.status.state == "finished"


def test_a_known_text_is_not_copied(tmp_path, recipe):
    run = create_run(tmp_path / "run", recipe(text="repeats"))
    assert not (run.folder / "text.txt").exists() and run.corpus().name == "repeats"


def test_a_text_too_short_for_its_recipe_is_refused_before_a_folder_is_made(tmp_path, recipe, corpus):
    short = Corpus("short", "to be or not to be " * 10, "test")
    for tokenizer, unit in (("char", "190 characters"), ("bpe-258", r"\d+ tokens in 190 characters")):
        with pytest.raises(ValueError, match=f"has {unit}; block_size=64 needs at least 641"):
            create_run(tmp_path / "run", recipe(block_size=64, tokenizer=tokenizer), short)
    parent = create_run(tmp_path / "parent", recipe(block_size=16), corpus)
    train(parent, CPU)
    with pytest.raises(ValueError, match="has 137 characters; block_size=16 needs at least 161"):
        fork_run(parent, None, tmp_path / "run", Corpus("short", corpus.text[:137], "test"), steps=60)
    assert not (tmp_path / "run").exists()
    assert create_run(tmp_path / "run", recipe(block_size=8), short).status.state == "queued"


def test_a_text_that_was_cut_short_since_fails_with_a_reason(new_run):
    run = new_run(block_size=64)
    (run.folder / "text.txt").write_text("to be or not to be " * 10)
    with pytest.raises(ValueError, match="block_size=64 needs at least 641"):
        train(run, CPU)
    assert run.status.state == "failed" and "needs at least 641" in run.status.why


def test_bpe_runs_train_as_well(new_run):
    run = new_run(tokenizer="bpe-280")
    train(run, CPU)
    assert load_run(run.folder).tokenizer.vocab_size == run.recipe.model.vocab_size == 280
    assert run.status.state == "finished"


def test_half_precision_snapshots_are_half_the_size(new_run):
    sizes = {}
    for kind in ("float32", "float16"):
        run = new_run(snapshot_type=kind, n_embd=64)
        train(run, CPU)
        sizes[kind] = run.snapshot_path(30).stat().st_size
        assert run.model().unembed.weight.dtype == torch.float32
    assert sizes["float16"] < 0.52 * sizes["float32"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes((path.parents[1] / "snapshots" / "000030.safetensors").read_bytes()),
    ],
    ids=["truncated", "empty", "no state"],
)
def test_a_damaged_state_is_refused(new_run, damage):
    run = new_run()
    train(run, CPU)
    damage(run.resume_path)
    with pytest.raises(RunError, match="its state to resume from"):
        train(load_run(run.folder), CPU)
    assert run.status.state == "failed" and run.model(30)


def test_devices_are_picked_or_refused():
    assert pick_device("cpu") == CPU
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match=r"no 'abacus' device here; there is .*cpu"):
        pick_device("abacus")
