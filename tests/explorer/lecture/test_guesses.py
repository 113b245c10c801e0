"""Guess first: nothing is picked before, a verdict follows, the first one counts, and the browser keeps the score."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.lecture.kit import guesses
from explorer.lecture.kit.chapters import find_chapter
from explorer.lecture.kit.guesses import ASKED, NEAR, RIGHT, SCORE, WRONG, judge
from explorer.navigation import PAGES
from tests.explorer.elements import press

ROOT = Path(__file__).parents[3]
SCALE = {"1 ×": 1.0, "2 ×": 2.0, "10 ×": 10.0, "100 ×": 100.0}


def verdicts(app):
    return [found.value.replace("\\", "") for found in app.markdown if "You guessed" in found.value]


def test_a_typed_number_is_judged_and_the_first_guess_counts(open_app):
    app = open_app().switch_page("../pages/bigram.py").run()
    box = next(each for each in app.number_input if "loss" in each.label)
    assert box.value is None and not app.metric
    assert next(button for button in app.button if button.label == "Guess").disabled
    app = press(box.set_value(4.17).run(), "Guess")
    truth = float(next(metric.value for metric in app.metric if metric.label == "The lecture's batch"))
    [said] = verdicts(app)
    assert "Near" in said and "You guessed 4.17" in said and f"The answer is {truth:.3g}" in said
    box = next(each for each in app.number_input if "loss" in each.label)
    app = press(box.set_value(truth).run(), "Guess")
    assert "Right" in verdicts(app)[0] and "answer" not in verdicts(app)[0]
    app = app.switch_page("../pages/conclusions.py").run()
    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Right"], numbers["Near"], numbers["Wrong"]) == ("0", "1", "0")
    assert numbers["Open"] == str(len(ASKED) - 1)
    app = press(app, "Delete my guesses")
    assert {metric.label: metric.value for metric in app.metric}["Near"] == "0"


def test_no_answer_is_picked_before_the_person_picks_one(open_app):
    app = open_app().switch_page("../pages/averaging.py").run()
    pills = next(group for group in app.get("button_group") if group.key == "averaging:v2:guess")
    assert not pills.value and [button.disabled for button in app.button if button.label == "Guess"] == [True]
    app = press(pills.set_value("100 ×").run(), "Guess")
    assert len(verdicts(app)) == 1 and "You guessed 100 ×" in verdicts(app)[0]


@pytest.mark.parametrize("entry", sorted({find_chapter(mark).page for mark, _ in ASKED.values()} | {"conclusions.py"}))
def test_a_link_that_hides_guesses_leaves_no_trace_of_them(open_app, entry):
    app = open_app(hide="guess").switch_page(f"../pages/{entry}").run()
    texts = [found.value for found in (*app.markdown, *app.caption, *app.subheader)]
    assert not app.exception and not [text for text in texts if "guess first" in text.lower() or "First guess" in text]
    assert not [text for text in texts if "Your guesses" in text]
    assert not {"Guess", "Just show it", "Delete my guesses"} & {button.label for button in app.button}


def test_every_question_is_asked_on_its_page():
    asked = {}
    for file in (ROOT / "explorer" / "lecture").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("guess", "show_verdict"):
                asked.setdefault(node.func.id, set()).add(node.args[0].value)
    assert asked["guess"] == asked["show_verdict"] == set(ASKED)
    assert all((PAGES / find_chapter(mark).page).exists() for mark, _ in ASKED.values())


def test_guesses_on_a_scale_are_near_beside_the_answer():
    assert [judge(each, 8.0, SCALE)[0] for each in SCALE] == [WRONG, NEAR, RIGHT, NEAR]
    assert judge("1 ×", 0.01, SCALE) == (RIGHT, "1 ×")
    assert judge("b", "a", ["a", "b", "c"], near=["b"]) == (NEAR, "a")
    assert judge("c", "a", ["a", "b", "c"], near=["b"]) == (WRONG, "a")


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6))
def test_a_typed_number_is_judged_by_its_relative_error(truth, guessed):
    verdict, answer = judge(repr(guessed), truth)
    error = abs(guessed - truth) / truth
    assert verdict == (RIGHT if error <= guesses.CLOSE else NEAR if error <= guesses.WITHIN else WRONG)
    assert float(answer) == pytest.approx(truth, rel=0.01)


def test_the_cookie_gives_known_verdicts_only():
    cookie = "bigram%3Aloss=right&intro=wrong&unknown=right&notes:scale=<b>&chat:leash=near"
    assert SCORE.parse(cookie) == {"bigram:loss": RIGHT, "intro": WRONG, "chat:leash": NEAR}
    assert SCORE.parse("") == SCORE.parse("%%%") == {}
