import pytest
import torch

from gpt import Corpus, create_run
from gpt.train.loop import train
from gpt.train.objectives import OBJECTIVES

CPU = torch.device("cpu")
SPEED = {"step", "elapsed", "tokens_per_s"}
TRANSLATIONS = Corpus(
    "pairs", "".join(f"{a}{b}{c}>{c}{b}{a}\n" for a in "abcd" for b in "abcd" for c in "abcd"), "test"
)


@pytest.fixture
def new_run(stage, recipe, corpus, tmp_path):
    """A run of any objective: name → run."""

    def build(objective: str):
        if objective == "grpo":
            sums = recipe(text="sums", block_size=20)
            train(create_run(tmp_path / "sums", sums), CPU)
            return create_run(tmp_path / objective, sums.changed(objective=objective, start="sums"))
        if objective not in ("language", "translation"):
            return stage(objective)
        return create_run(
            tmp_path / objective, recipe(objective=objective), {"translation": TRANSLATIONS}.get(objective, corpus)
        )

    return build


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_run_logs_the_metrics_that_its_objective_declares(new_run, objective):
    run = new_run(objective)
    train(run, CPU)
    logged = {name for row in run.metrics() for name in row}
    declared = {metric.name for metric in run.objective.metrics}
    assert logged == declared | SPEED | {"train_loss"}  # PPO does not declare its loss: it measures no quality
