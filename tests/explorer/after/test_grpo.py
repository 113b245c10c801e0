"""The page of checked rewards: a group, its advantages, and two checks; the code in cells computes the same."""

from functools import partial

import pytest
import torch

from explorer.after.grpo import panel, training
from explorer.after.grpo.figures import group_changes
from explorer.lecture.kit.finished import finished
from gpt.text.sums import CHECKS, END, right_answer
from gpt.train.objectives.grpo import group_advantages, grpo_loss
from gpt.train.objectives.ppo import CLIP
from tests.explorer.elements import values
from tests.explorer.lecture.running import run


@pytest.fixture
def grpo_page(open_page):
    return partial(open_page, "grpo")


def test_a_group_is_sampled_checked_and_sampled_again(grpo_page):
    app = grpo_page(**{"first-number": "58", "second-number": "37"}, group="16", seed="1")
    before = values(app)
    assert not app.exception and not app.error and 0 < float(before["Mean reward"]) < 1
    again = app.button(key="grpo:again").click().run()
    assert again.query_params["seed"] in ("2", ["2"]) and values(again)["Mean reward"] != before["Mean reward"]
    digit = grpo_page(**{"first-number": "58", "second-number": "37"}, group="16", seed="1", check=panel.DIGIT)
    assert float(values(digit)["Mean reward"]) > float(before["Mean reward"])


def test_a_group_of_equal_rewards_says_that_it_teaches_nothing(grpo_page):
    app = next(
        app
        for app in (
            grpo_page(group="4", policy="after GRPO", **{"first-number": "20", "second-number": str(ones)})
            for ones in range(30, 40)
        )
        if values(app)["Standard deviation"] == "0.000"
    )
    assert any("teaches nothing" in info.value for info in app.info)


def test_the_table_says_that_the_cheated_reward_rises_and_the_sums_do_not(grpo_page):
    app = grpo_page()
    table = next(each.value for each in app.dataframe if "Judge" in list(each.value.iloc[:, 0])).set_index("")
    quality = table.loc["True quality, before → after"]
    whole, digit = (finished(training.NAME)[label].series("accuracy")[1] for label in (panel.SUM, panel.DIGIT))
    assert whole[-1] > 2 * whole[0] and digit[-1] < 1.3 * digit[0]
    assert quality[f"a check of {panel.SUM}"] == f"{whole[0]:.2f} → {whole[-1]:.2f}"
    rewards = finished(training.NAME)[panel.DIGIT].series("reward")[1]
    assert rewards[-1] > rewards[0] + 0.3


def test_the_recipes_differ_in_their_check_only():
    recipes = [recipe.to_dict() for recipe in training.RECIPES.values()]
    assert [recipe.pop("check") for recipe in recipes] == list(CHECKS) and recipes[0] == recipes[1]


def test_a_figure_has_every_character_with_its_change():
    figure = group_changes([f"42{END}", "4"], torch.tensor([1.0, 0]).numpy(), torch.tensor([0.7, -0.7]).numpy(), [
        ([0.5, 0.5, 0.9], [0.6, 0.5, 0.9]), ([0.5], [0.6])
    ])  # fmt: skip
    bars, cells, texts = figure.data
    assert list(bars.x) == pytest.approx([0.7, -0.7]) and len(texts.text) == 4
    assert cells.z[0].tolist() == pytest.approx([0.1, 0, 0]) and figure.layout.yaxis.ticktext == ("✓ 42⏎", "✗ 4")


@pytest.fixture(scope="module")
def cells():
    """The cells, with a model that gives every character the same probability."""
    return run("grpo", "sums", "check", "group", "advantage", "loss", m=lambda idx: torch.zeros(*idx.shape, 13))


def test_the_cells_check_and_compute_what_the_modules_do(cells):
    for question in ("27+15=", "58+47="):
        for answer in (right_answer(question), f"2{END}", f"5{END}", "105", f"33{END}"):
            for ours, real in (("is_right", "sum"), ("ends_right", "last digit")):
                assert cells[ours](question, answer) == CHECKS[real](question, answer), (ours, question, answer)
    rewards = torch.rand(3, 8, generator=torch.Generator().manual_seed(0)).round()
    assert torch.allclose(cells["advantages"](rewards), group_advantages(rewards))
    generator = torch.Generator().manual_seed(1)
    log_probs, drawn, reference = (torch.randn(24, 5, generator=generator) for _ in range(3))
    is_answer = torch.rand(24, 5, generator=generator) < 0.7
    is_answer[:, 0] = True
    advantage = group_advantages(rewards).flatten()
    ours = cells["grpo_loss"](log_probs, drawn, reference, advantage, is_answer, beta=0.1, clip=CLIP)
    assert torch.allclose(ours, grpo_loss(log_probs, drawn, reference, advantage, is_answer, 0.1))
