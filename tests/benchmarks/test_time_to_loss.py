"""Time to nanoGPT's loss on Tiny Shakespeare, and the loss of the app's first recipe: about three minutes."""

import pytest
import torch

from gpt import PRESETS, create_run, loss_of
from gpt.train.loop import Trainer

ROUNDS = 20  # in each, every recipe takes a twentieth of its steps
LOSS = 1.88  # nats per character: nanoGPT's
REACHES = {"fast-1.88": "≤ 0.25", "fast-1.88-ngrams": "≤ 0.12"}


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@torch.inference_mode()
def validation_loss(trainer: Trainer) -> float:
    """Mean loss in nats per character of the whole validation text, in chunks of the context."""
    ids, T = trainer.objective.val_ids, trainer.recipe.model.block_size
    n = (len(ids) - 1) // T
    x, y = ids[: n * T].view(n, T), ids[1 : n * T + 1].view(n, T)
    trainer.model.eval()
    return (
        sum(loss_of(trainer.model(a), b).item() * len(a) for a, b in zip(x.split(128), y.split(128), strict=True)) / n
    )


@pytest.mark.bench
@pytest.mark.timeout(1200)
def test_time_to_nanogpts_loss(tmp_path, report, one_thread):
    names = ("nanogpt-cpu", *REACHES, "quick")
    trainers = {
        name: Trainer(create_run(tmp_path / name, PRESETS[name]), torch.device("cpu")) for name in names
    }  # fmt: skip
    seconds = dict.fromkeys(names, 0.0)
    for done in range(1, ROUNDS + 1):
        for name, trainer in trainers.items():
            while trainer.step < trainer.recipe.steps * done // ROUNDS:
                trainer.advance()
            seconds[name] += trainer.busy
            trainer.busy = 0.0
    losses = {name: validation_loss(trainer) for name, trainer in trainers.items()}

    def cell(name: str) -> str:
        return f"{seconds[name]:.1f} s, {losses[name]:.3f} after {trainers[name].step:,} steps"

    yardstick = f"`nanogpt-cpu`: {cell('nanogpt-cpu')}"
    for name, reach in REACHES.items():
        assert losses[name] <= LOSS
        ratio = seconds[name] / seconds["nanogpt-cpu"]
        report(f"time to validation loss {LOSS}, one thread: `{name}`", cell(name), yardstick, ratio, reach)
    assert losses["quick"] < losses["nanogpt-cpu"]
    report("validation loss after a minute, one thread: `quick`", cell("quick"), yardstick, None, "the best found")
