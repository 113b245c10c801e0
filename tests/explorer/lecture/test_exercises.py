"""The exercises: every chapter has one, and each is drawn, judged and kept."""

import pytest
import torch

from explorer.lecture.exercises import attention
from explorer.lecture.exercises.exercise import Number
from explorer.lecture.exercises.record import RECORD, SHOWN, SOLVED
from explorer.lecture.exercises.registry import EXERCISES, of_act, of_chapter
from explorer.lecture.kit.acts import ACTS
from explorer.lecture.kit.chapters import find_chapter
from explorer.opened import DEFAULT, open_model


def press(app, label, name):
    return app.button(key=f"exercise:{name}:{label}").click().run()


def answer(app, name, value):
    return app.number_input(key=f"exercise:{name}:answer").set_value(value).run()


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_every_chapter_has_an_exercise_and_every_act_three_for_a_class(act):
    assert not [chapter.id for chapter in act.chapters if not of_chapter(chapter.id)]
    assert sum(exercise.for_class for exercise in of_act(act)) == 3


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_every_exercise_has_an_answer(exercise):
    assert find_chapter(exercise.chapter)
    if isinstance(exercise.ask, Number):
        answer = exercise.ask.answer()
        assert abs(answer - round(answer, exercise.ask.digits)) <= exercise.ask.within
    else:
        assert set() < set(exercise.ask.right()) < set(exercise.ask.options)


def test_a_solved_exercise_counts_on_the_conclusions_page(open_app):
    app = open_app().switch_page("../pages/rotary.py").run()
    app = press(answer(app, "rotary-near", -0.5), "check", "rotary-near")
    assert "wrong sign" in app.warning[0].value and not app.success
    app = press(answer(app, "rotary-near", 0.5), "check", "rotary-near")
    app = press(app, "give-up", "rotary-far")
    assert "Right: 0.5" in app.success[0].value.replace("*", "") and "The answer is" in app.info[0].value
    app = app.switch_page("../pages/conclusions.py").run()
    said = [found.value for found in app.markdown]
    assert f"**Exercises solved: 1 of {len(EXERCISES)}**" in said
    assert any("Answer shown" in text for text in said)


@pytest.mark.parametrize("page", ["rotary.py", "backward.py"])  # below the sections, and asked by the page itself
@pytest.mark.parametrize("hide", ["exercises", "answers"])
def test_a_class_hides_the_exercises_or_their_answers(open_app, hide, page):
    app = open_app(hide=hide).switch_page(f"../pages/{page}").run()
    labels = [button.label for button in app.button]
    assert not app.exception and ("Check" in labels) == (hide == "answers") and "Show the answer" not in labels


def test_an_answer_that_was_shown_is_hidden_again_with_the_answers(open_app):
    app = press(open_app().switch_page("../pages/rotary.py").run(), "give-up", "rotary-far")
    assert app.info
    app.query_params["hide"] = "answers"
    assert not app.run().info


def test_the_questions_name_the_sizes_of_the_model_that_ships():
    config = open_model(DEFAULT).config
    assert (config.n_layer, config.n_head) == (attention.LAYERS, attention.HEADS)
    question = EXERCISES["positions-parameters"].question
    assert f"{config.block_size} tokens" in question and f"{config.n_embd} features" in question


def test_the_variance_of_a_dot_product_is_its_number_of_features():
    q, k = torch.randn(2, 100_000, attention.D_HEAD, generator=torch.Generator().manual_seed(0))
    answer = EXERCISES["scores-variance"].ask.answer()
    assert (q * k).sum(1).var().item() == pytest.approx(answer, rel=0.02)


def test_the_cookie_has_known_exercises_only():
    cookie = "rotary-near%3Dsolved&rotary-far=shown&nonsense=solved&cache-bytes=<b>"
    assert RECORD.parse(cookie) == {"rotary-near": SOLVED, "rotary-far": SHOWN}
