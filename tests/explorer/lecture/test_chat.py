"""ChatGPT in miniature: the stages answer side by side, train here, and their runs open wherever runs are listed."""

from functools import partial

import pytest

from explorer.lecture.chat import asking
from explorer.opened import open_model, open_run
from explorer.shared.model_list import models, prompted
from explorer.train import jobs
from gpt.text.dialogue import preference, prompt_of
from tests.explorer.elements import caption

BRIEF = {"steps": 1, "batch_size": 4, "eval_batches": 2, "snapshots": 1}


@pytest.fixture
def chat_page(open_page):
    return partial(open_page, "chat")


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
    assert "The models read these as a space" in caption(chat_page(question="λ?"), "alphabet")
    app = chat_page(question="")
    assert any("question is empty" in found.value for found in app.markdown)


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


def test_a_stage_is_started_on_the_train_page_and_its_sizes_are_its_parents(open_app, runs, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    app = open_app().switch_page("../pages/train.py").run()
    app.selectbox(key="widget:form.recipe").set_value("chat-policy").run()
    assert "1,845,312 parameters" in caption(app, "vocabulary of 65")
    press(app, "Start")
    started = open_run("runs/chat-policy")
    assert started.status.state == "queued" and started.parent.run == "chat-finetune" and len(started.frozen) == 2
    assert "Started from **chat\\-finetune** at step 200" in caption(app, "Started from")
    app.number_input(key="widget:form.chat-policy.n_layer").set_value(3).run()
    next(button for button in app.button if button.label == "Start").click().run()
    assert not app.exception and "same sizes" in app.error[0].value
