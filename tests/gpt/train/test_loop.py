import json

import pytest
import torch
from torch.nn import functional as F

from gpt import Corpus, create_run, generate, load_run
from gpt.text.batches import split_ids
from gpt.train.faults import good_snapshots
from gpt.train.files import write_tensors
from gpt.train.fork import fork_run
from gpt.train.loop import Trainer, TrainingFailed, pick_device, train
from gpt.train.objectives.language import estimate_loss
from gpt.train.recipe import snapshot_steps

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("short_samples")


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
        "config.json", "tokenizer.json", "metrics.jsonl", "samples.jsonl", "snapshots", "resume", "status.json",
        "text.txt"
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


def test_devices_are_picked_or_refused():
    assert pick_device("cpu") == CPU
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match=r"no 'abacus' device here; there is .*cpu"):
        pick_device("abacus")
