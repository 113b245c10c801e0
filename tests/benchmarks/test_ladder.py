"""The ladder, trained in full: about six minutes on a quiet core."""

import pytest
import torch

from gpt import PRESETS, create_run
from gpt.train.loop import train
from gpt.train.presets import PUBLISHED

TOLERANCE = 0.04  # nats


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rung", [f"rung-{n}" for n in range(1, 7)])
def test_each_rung_reaches_the_lectures_figure(rung, tmp_path, report):
    run = create_run(tmp_path / rung, PRESETS[rung])
    train(run, torch.device("cpu"))
    last = run.metrics()[-1]
    ours, lecture = f"{last['val_loss']:.3f} nats per token in {last['elapsed']:.0f} s", PUBLISHED[rung].loss
    report(
        f"{rung} to its end", ours, f"{lecture} nats, the lecture", last["val_loss"] / lecture, f"± {TOLERANCE} nats"
    )
    assert last["val_loss"] == pytest.approx(PUBLISHED[rung].loss, abs=TOLERANCE)
