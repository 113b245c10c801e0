"""A pretrained run that has read the dialogues, and stages that begin with it.

parent -> Run             a GPT of one layer, trained for two steps.
stage(objective, **changes)  a new run of that objective beside it; "ppo" also creates a reward model.
"""

import pytest
import torch

from gpt import GPTConfig, Recipe, create_run, load_run
from gpt.train.loop import train

CPU = torch.device("cpu")
TINY = Recipe(
    about="for tests", model=GPTConfig(block_size=160, n_layer=2, n_head=2, n_embd=8), text="dialogues", steps=2,
    batch_size=4, lr=1e-2,
    eval_every=4, eval_batches=2, log_every=1, snapshots=3, seed=7,
)  # fmt: skip


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    train(create_run(folder / "pretrained", TINY), CPU)
    train(create_run(folder / "reward", TINY.changed(objective="reward", start="pretrained", n_layer=1)), CPU)
    return folder


@pytest.fixture
def parent(runs):
    return load_run(runs / "pretrained")


@pytest.fixture
def stage(runs, request):
    numbers = iter(range(100))

    def make(objective: str, **changes):
        reward = {"reward": "reward", "kl_weight": 0.1, "updates": 3} if objective == "ppo" else {}
        reward |= {"kl_weight": 0.1} if objective == "dpo" else {}
        recipe = TINY.changed(**{"objective": objective, "start": "pretrained", "steps": 8, **reward, **changes})
        return create_run(
            runs / f"{request.node.name[:30]}-{objective}-{next(numbers)}".replace("[", "-").replace("]", ""), recipe
        )

    return make
