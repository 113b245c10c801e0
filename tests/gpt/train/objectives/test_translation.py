"""A run that translates is a run like any other: it resumes, forks and is shared by processes with the same curve."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gpt import Corpus, GPTConfig, Recipe, Seq2Seq, create_run, load_run, translate
from gpt.text.pairs import encode_pairs, read_pairs, split_pairs
from gpt.train.fork import fork_run
from gpt.train.loop import Trainer, train
from gpt.train.objectives.translation import exact_share, pair_loss
from gpt.train.ranks import Ranks

ROOT = Path(__file__).parents[4]
CPU = torch.device("cpu")
LINES = [f"{a}{b}{c}>{c}{b}{a}" for a in "abcd" for b in "abcd" for c in "abcd"] + ["a>a", "ab>ba", "dc>cd"]
TEXT = Corpus("pairs", "\n".join(LINES) + "\n", "made for a test")
RECIPE = Recipe(
    about="for tests", model=GPTConfig(block_size=6, n_layer=1, n_head=2, n_embd=8, dropout=0.1), text="pairs",
    objective="translation",
    steps=20, batch_size=6, lr=1e-2, eval_every=10, eval_batches=3, log_every=1, snapshots=3, seed=7,
)  # fmt: skip


def new_run(folder: Path, **changes):
    return create_run(folder, RECIPE.changed(**changes), TEXT)


def curve(run) -> list[dict]:
    return [
        {name: value for name, value in row.items() if name not in ("elapsed", "tokens_per_s")} for row in run.metrics()
    ]


def test_a_run_has_what_every_run_has(tmp_path):
    run = new_run(tmp_path / "run")
    train(run, CPU)
    opened = load_run(run.folder)
    assert opened.status.state == "finished" and isinstance(opened.model(0), Seq2Seq)
    assert [row["step"] for row in opened.metrics() if "exact" in row] == [0, 10, 20]
    assert all(0 <= row["exact"] <= 1 for row in opened.metrics() if "exact" in row)
    *_, last = opened.samples()
    validation = split_pairs(read_pairs(TEXT.text))[1]
    assert [line.partition(">")[0] for line in last["text"].splitlines()] == [source for source, _ in validation[:8]]


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    whole, parts = new_run(tmp_path / "whole"), new_run(tmp_path / "parts")
    train(whole, CPU)
    train(parts, CPU, lambda row: parts.stop_request.touch() if row["step"] == 7 else None)
    assert parts.status.state == "stopped"
    train(load_run(parts.folder), CPU)
    assert curve(whole) == curve(parts)
    assert all(
        torch.equal(value, parts.model().state_dict()[name]) for name, value in whole.model().state_dict().items()
    )


def test_a_fork_draws_what_its_parent_drew(tmp_path):
    parent = new_run(tmp_path / "parent", dropout=0.0)
    train(parent, CPU)
    at = parent.steps[1]
    child = fork_run(parent, at, tmp_path / "child")
    train(child, CPU)
    assert child.metrics()[0]["train_loss"] == pytest.approx(parent.metrics()[at]["train_loss"], abs=1e-6)
    with pytest.raises(ValueError, match="causal=False does not work in an encoder-decoder"):
        fork_run(parent, at, tmp_path / "other", causal=False)
    short = Corpus("short", 20 * "abc>d\n", "a text with one pair")
    with pytest.raises(ValueError, match="too few for training and validation"):
        fork_run(parent, at, tmp_path / "other", short)
    assert not (tmp_path / "other").exists()


def test_a_batch_in_parts_gives_the_gradients_of_the_whole(tmp_path):
    """Sources and targets are of several lengths, so parts differ in what they hold."""
    run = new_run(tmp_path / "run", dropout=0.0)
    trainers = Trainer(run, CPU), Trainer(run, CPU, micro_batches=3)
    for _ in range(4):
        losses = [trainer.advance()["train_loss"] for trainer in trainers]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    for one, other in zip(*(trainer.model.parameters() for trainer in trainers), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_two_processes_share_each_batch(tmp_path, monkeypatch):
    run = new_run(tmp_path / "run", dropout=0.0)
    alone = Trainer(run, CPU)
    monkeypatch.setattr(Ranks, "sum", lambda ranks, tensors: None)
    shares = [Trainer(run, CPU, Ranks(rank, 2)) for rank in range(2)]
    batch = alone.objective.draw(alone.model, alone.generator)
    whole, *parts = (float(trainer._backward(batch)) for trainer in (alone, *shares))
    assert sum(parts) == pytest.approx(whole, abs=1e-5)
    for mine, *theirs in zip(*(trainer.model.parameters() for trainer in (alone, *shares)), strict=True):
        assert torch.allclose(mine.grad, sum(part.grad for part in theirs), atol=1e-5)


def test_the_loss_is_the_mean_of_the_pairs_own_means():
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[1, 2, 3], [4, -100, -100]])
    each = -logits.log_softmax(-1)
    by_hand = ((each[0, 0, 1] + each[0, 1, 2] + each[0, 2, 3]) / 3 + each[1, 0, 4]) / 2
    assert pair_loss(logits, targets) == pytest.approx(by_hand.item())


class Reverser:
    """A stand-in that writes each source backwards, but for a fault in the sources that have a "d"."""

    config = GPTConfig(vocab_size=99, block_size=6)

    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer

    def parameters(self):
        return iter([torch.zeros(1)])

    def encode(self, source, lengths):
        texts = [self.tokenizer.decode(row[:n]) for row, n in zip(source.tolist(), lengths.tolist(), strict=True)]
        return [text[::-1] + ("b" if "d" in text else "") for text in texts]

    def decode(self, written, memory, lengths):
        logits = torch.zeros(len(memory), written.size(1), self.tokenizer.vocab_size)
        for row, text in enumerate(memory):
            logits[row, -1, self.tokenizer.encode(f"{text}\n"[min(written.size(1) - 1, len(text))])] = 1
        return logits


def test_exact_counts_what_is_right_to_the_last_token(tmp_path):
    tokenizer = new_run(tmp_path / "run").tokenizer
    pairs = encode_pairs(read_pairs(TEXT.text), tokenizer, 6)
    without_d = sum("d" not in line for line in LINES) / len(LINES)
    assert exact_share(Reverser(tokenizer), pairs, tokenizer.encode(">\n")) == pytest.approx(without_d)
    source, lengths, *_ = pairs.rows(slice(None))
    start, end = tokenizer.encode(">\n")
    written = translate(Reverser(tokenizer), source, lengths, start=start, end=end)
    lines = [tokenizer.decode(row).partition("\n")[0] for row in written.tolist()]
    assert lines[0] == "aaa" and lines[-1] == "cdb"


def test_a_translation_never_outgrows_the_context(tmp_path):
    run = new_run(tmp_path / "run")
    model = Trainer(run, CPU).model.eval()
    never = run.tokenizer.vocab_size + 1
    assert translate(model, torch.tensor([[1, 2]]), start=0, end=never).shape == (1, 6)


def test_what_is_no_text_of_pairs_is_refused_before_a_folder_is_made(tmp_path):
    with pytest.raises(ValueError, match=r"line 1 of the text is 'To be, or not to be', and no pair"):
        create_run(tmp_path / "run", RECIPE, Corpus("prose", 20 * "To be, or not to be\n", "made for a test"))
    with pytest.raises(ValueError, match="too few for training and validation"):
        create_run(tmp_path / "run", RECIPE, Corpus("short", 20 * "abc>d\n", "a text with one pair"))
    with pytest.raises(ValueError, match="give a block_size of at least 4, not 3"):
        new_run(tmp_path / "run", block_size=3)
    assert not (tmp_path / "run").exists()


def test_the_command_line_trains_the_preset(tmp_path):
    switches = [word for switch in ("batch_size=2", "eval_batches=1", "snapshots=1") for word in ("--set", switch)]
    command = [
        sys.executable,
        "-m",
        "gpt.train",
        "--preset",
        "translate",
        "--steps",
        "2",
        "--run",
        str(tmp_path / "run"),
        *switches,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0 and "finished at step 2" in done.stdout, done.stderr
