"""ChatGPT in miniature: the stages answer side by side, train here, and their runs open wherever runs are listed."""

import json
import shutil

import pytest
import torch

from explorer.figures.outcomes import outcomes
from explorer.lecture.chat import asking, shifts, stages
from explorer.lecture.kit import training
from explorer.opened import open_model, open_run
from explorer.shared.model_list import models, prompted
from explorer.shared.patterns import attention
from explorer.shared.prompt import read_prompt
from explorer.train import jobs
from gpt import create_run
from gpt.lens.heads import pattern_shift
from gpt.text.dialogue import preference, prompt_of
from gpt.train.loop import train
from tests.explorer.drawn import plots

BRIEF = {"steps": 1, "batch_size": 4, "eval_batches": 2, "snapshots": 1}


@pytest.fixture
def chat_page(open_app, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)  # nothing starts behind the test's back
    return lambda **choices: open_app(**choices).switch_page("../pages/chat.py").run()


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """Every stage as the page trains it, but for its length."""
    folder = tmp_path_factory.mktemp("stages")
    trainings = {"finetune": stages.FINETUNE, "reward": stages.REWARDS, asking.LEASH: stages.POLICIES}
    for name, recipes in trainings.items():
        for label, recipe in recipes.items():
            train(create_run(folder / training._run_name(name, label), recipe.changed(**BRIEF)), torch.device("cpu"))
    return folder


@pytest.fixture
def trained_here(trained_once, runs):
    shutil.copytree(trained_once, runs, dirs_exist_ok=True)


def said(app, words):
    return next(found.value for found in app.caption if words in found.value)


def press(app, label):
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception and not app.error


def test_every_stage_answers_and_is_judged(chat_page):
    app = chat_page(question="Where is the nurse?", seed="3")
    assert not app.exception and not app.error
    answers = [found.value for found in app.code if found.language == "plaintext" or not found.language][:3]
    judged = [found.value for found in app.metric if found.label == "Stated preference"]
    for ref, shown, points in zip(asking.REFS.values(), answers, judged, strict=True):
        whole = "".join(asking._characters(open_model(ref), "Where is the nurse?", 3))
        assert shown.strip() == whole.strip() and points == f"{preference('Where is the nurse?', whole)} of 4"
    before, after, policy = (float(found.value) for found in app.metric if found.label in asking.REFS)
    assert before < after < policy


def test_an_example_and_odd_questions_are_asked(chat_page):
    app = chat_page()
    press(app, "Why weeps the nurse?")
    assert (
        app.query_params["question"] == ["Why weeps the nurse?"]
        or app.query_params["question"] == "Why weeps the nurse?"
    )
    for odd in ("<b>§ 5 & λ?</b>", "?", "x" * 500):
        app = chat_page(question=odd)
        assert not app.exception and not app.error
    assert "The models read these as a space" in said(chat_page(question="λ?"), "alphabet")
    app = chat_page(question="")
    assert any("question is empty" in found.value for found in app.markdown)


def test_attention_that_moved_is_what_the_patterns_say(chat_page):
    app = chat_page(question="Who art thou?", between="finetuned → policy")
    ids = read_prompt(open_model(asking.REFS[asking.FINETUNED]), prompt_of("Who art thou?") + shifts.OPENING).ids
    patterns = [
        torch.from_numpy(attention(open_model(asking.REFS[label]), ids)) for label in (asking.FINETUNED, asking.POLICY)
    ]
    moved = pattern_shift(*patterns)
    layer, head = divmod(int(moved.argmax()), moved.size(1))
    assert f"most in L{layer}H{head} ({moved.max():.0%})" in said(app, "on average")
    assert (pattern_shift(patterns[0], patterns[0]) == 0).all()


def test_what_is_trained_here_is_drawn(chat_page, trained_here):
    app = chat_page()
    assert not app.exception and not app.error
    press(app, "Just show it")
    curves = [json.loads(chart.spec) for chart in plots(app)]
    compared = next(curve for curve in curves if any(trace.get("name") == stages.DPO for trace in curve["data"]))
    assert {trace["name"] for trace in compared["data"]} == set(stages.POLICIES)
    assert asking.FREE in [found.value.strip("*") for found in app.markdown]  # it is asked as well


def test_the_runs_of_all_stages_open_wherever_runs_are_listed(chat_page, trained_here, runs):
    app = chat_page()
    for run in [folder.name for folder in runs.iterdir() if folder.name.startswith("lecture-")]:
        for page in ("train", "runs", "conclusions"):
            app.query_params["run"] = run
            app.switch_page(f"../pages/{page}.py").run()
            assert not app.exception and not app.error, (run, page)


@pytest.mark.parametrize("page", ["attention", "timetravel", "logits"])
def test_a_reward_model_is_no_language_model(open_app, page):
    assert asking.REWARD in models() and asking.REWARD not in prompted()
    app = open_app(model=asking.REWARD, prompt="Question:").switch_page(f"../pages/{page}.py").run()
    assert not app.exception and not app.error
    assert any("does not continue a prompt" in found.value for found in app.warning)


@pytest.mark.parametrize("page", ["attention", "heads", "timetravel", "compare"])
def test_a_policy_opens_as_any_model(open_app, page):
    app = (
        open_app(model=asking.REFS[asking.POLICY], prompt=prompt_of("Where is the king?"))
        .switch_page(f"../pages/{page}.py")
        .run()
    )
    assert not app.exception and not app.error and not app.warning


def test_curves_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="2 steps and 1 values"):
        outcomes({"reward": {"a": ([0.0, 1.0], [0.5])}}, steps=2)


def test_a_stage_is_started_on_the_train_page_and_its_sizes_are_its_parents(open_app, runs, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    app = open_app().switch_page("../pages/train.py").run()
    app.selectbox(key="widget:form.recipe").set_value("chat-policy").run()
    assert "1,845,312 parameters" in said(app, "vocabulary of 65")
    press(app, "Start")
    started = open_run("runs/chat-policy")
    assert started.status.state == "queued" and started.parent.run == "chat-finetune" and len(started.frozen) == 2
    assert "Started from **chat\\-finetune** at step 200" in said(app, "Started from")
    app.number_input(key="widget:form.chat-policy.n_layer").set_value(3).run()
    next(button for button in app.button if button.label == "Start").click().run()
    assert not app.exception and "same sizes" in app.error[0].value
