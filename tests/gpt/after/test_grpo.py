"""One update by hand: better answers become likelier, and the model itself stays."""

import pytest
import torch

from gpt import load_run
from gpt.after.grpo import draw_group, update_once
from gpt.text.sums import CHECKS
from gpt.train.create import SHIPPED

QUESTION, LR = "27+15=", 1e-3


@pytest.fixture(scope="module")
def run():
    return load_run(SHIPPED / "sums")


def mixed(run, check="sum"):
    """The first group whose answers are not all alike."""
    groups = (draw_group(run.model(), run.tokenizer, QUESTION, 8, check=check, seed=seed) for seed in range(1, 50))
    return next(group for group in groups if group.rewards.std() > 0)


def test_a_group_is_checked_and_the_same_seed_draws_it_again(run):
    for check in CHECKS:
        group = mixed(run, check)
        assert group.rewards.tolist() == [CHECKS[check](QUESTION, answer) for answer in group.answers]
        assert torch.equal(group.advantages > 0, group.rewards == 1)


def test_an_update_makes_right_answers_likelier_and_wrong_ones_less_likely_on_average(run):
    model, group = run.model(), mixed(run)
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pairs = [tuple(map(torch.tensor, pair)) for pair in update_once(model, group, LR)]
    assert [len(before) for before, _ in pairs] == [len(answer) for answer in group.answers]
    rises = torch.stack([(after.log() - before.log()).mean() for before, after in pairs])
    assert rises[group.rewards == 1].mean() > 0 > rises[group.rewards == 0].mean()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


def test_a_group_of_equal_rewards_changes_nothing(run):
    groups = (draw_group(run.model(), run.tokenizer, QUESTION, 2, check="sum", seed=seed) for seed in range(50))
    group = next(group for group in groups if group.rewards.std() == 0)
    assert all(before == after for before, after in update_once(run.model(), group, LR))
