"""Rewards and policy: every stage trains here, and its runs open wherever runs are listed."""

import json
import shutil
from functools import partial

import pytest
import torch

from explorer.figures.export import file_name
from explorer.figures.outcomes import outcomes
from explorer.lecture.chat import asking, stages
from explorer.lecture.rewards import panel, shifts
from explorer.opened import open_model
from explorer.shared.patterns import attention
from explorer.shared.prompt import read_prompt
from gpt import create_run
from gpt.lens.heads import pattern_shift
from gpt.text.dialogue import prompt_of
from gpt.train.loop import train
from tests.explorer.drawn import plots
from tests.explorer.elements import caption

BRIEF = {"steps": 1, "batch_size": 4, "eval_batches": 2, "snapshots": 1}


@pytest.fixture
def rewards_page(open_page):
    return partial(open_page, "rewards")


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """Every stage as the page trains it, but for its length."""
    folder = tmp_path_factory.mktemp("stages")
    trainings = {"finetune": stages.FINETUNE, "reward": panel.REWARDS, asking.LEASH: panel.POLICIES}
    for name, recipes in trainings.items():
        for label, recipe in recipes.items():
            train(
                create_run(folder / file_name("lecture", name, label).lower(), recipe.changed(**BRIEF)),
                torch.device("cpu"),
            )
    return folder


@pytest.fixture
def trained_here(trained_once, runs):
    shutil.copytree(trained_once, runs, dirs_exist_ok=True)


def test_attention_that_moved_is_what_the_patterns_say(rewards_page):
    app = rewards_page(question="Who art thou?", between="finetuned → policy")
    ids = read_prompt(open_model(asking.REFS[asking.FINETUNED]), prompt_of("Who art thou?") + shifts.OPENING).ids
    patterns = [
        torch.from_numpy(attention(open_model(asking.REFS[label]), ids)) for label in (asking.FINETUNED, asking.POLICY)
    ]
    moved = pattern_shift(*patterns)
    layer, head = divmod(int(moved.argmax()), moved.size(1))
    assert f"most in L{layer}H{head} ({moved.max():.0%})" in caption(app, "on average")
    assert (pattern_shift(patterns[0], patterns[0]) == 0).all()


def test_what_is_trained_here_is_drawn(rewards_page, trained_here):
    app = rewards_page()
    assert not app.exception and not app.error
    next(button for button in app.button if button.label == "Just show it").click().run()
    assert not app.exception and not app.error
    curves = [json.loads(chart.spec) for chart in plots(app)]
    compared = next(curve for curve in curves if any(trace.get("name") == panel.DPO for trace in curve["data"]))
    assert {trace["name"] for trace in compared["data"]} == set(panel.POLICIES)
    app.switch_page("../pages/chat.py").run()
    assert asking.FREE in [found.value.strip("*") for found in app.markdown]  # it is asked as well


def test_the_runs_of_all_stages_open_wherever_runs_are_listed(rewards_page, trained_here, runs):
    app = rewards_page()
    for run in [folder.name for folder in runs.iterdir() if folder.name.startswith("lecture-")]:
        for page in ("train", "runs", "conclusions"):
            app.query_params["run"] = run
            app.switch_page(f"../pages/{page}.py").run()
            assert not app.exception and not app.error, (run, page)


def test_curves_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="2 steps and 1 values"):
        outcomes({"reward": {"a": ([0.0, 1.0], [0.5])}}, steps=2)
