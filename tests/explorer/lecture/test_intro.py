"""One token at a time: each step's distribution is the one that its token was drawn from, and the overview leads
everywhere.
"""

import json

import pytest

from explorer.figures import style
from explorer.figures.tokens import visible
from explorer.lecture.kit.chapters import CHAPTERS
from explorer.navigation import PAGES
from explorer.opened import open_model
from explorer.shared.prompt import read_prompt
from explorer.shared.sampling import Sampling, continuation
from tests.explorer.drawn import plots

PROMPT = "hear me"


@pytest.fixture
def intro_page(open_app):
    return lambda **choices: open_app(prompt=PROMPT, **choices).switch_page("../pages/intro.py").run()


def bars(app):
    """What is drawn: token → probability, and the token that is coloured apart, if any."""
    trace = json.loads(plots(app)[-1].spec)["data"][0]
    names = trace["customdata"]
    chosen = [name for name, color in zip(names, trace["marker"]["color"], strict=True) if color == style.SECOND]
    return dict(zip(names, trace["x"], strict=True)), chosen


def drawn(count, **sampling):
    opened = open_model("runs/tiny")
    ids = read_prompt(opened, PROMPT).ids
    return list(continuation(opened, ids, Sampling(max_new_tokens=count, **sampling)))


def test_the_first_distribution_waits_for_a_guess(intro_page):
    app = intro_page()
    assert not app.exception and not plots(app)
    pills = next(group for group in app.get("button_group") if str(group.key).startswith("intro:"))
    app = pills.set_value(pills.options[0]).run()
    next(button for button in app.button if button.label == "Guess").click().run()
    assert any("You guessed" in found.value for found in app.markdown)
    shown, chosen = bars(app)
    assert not chosen and shown[visible(drawn(1)[0].token)] == pytest.approx(drawn(1)[0].probability)


def test_each_step_shows_the_distribution_that_its_token_was_drawn_from(intro_page):
    app = intro_page(hide="guess", at="5", temperature="0.7", seed="3", **{"top-k": "9"})
    steps = drawn(6, temperature=0.7, top_k=9, seed=3)
    for at in (5, 6):
        shown, chosen = bars(app)
        assert chosen == [visible(steps[at - 1].token)]
        assert shown[chosen[0]] == pytest.approx(steps[at - 1].probability) and len(shown) == 9 + 1
        assert app.code[0].value == PROMPT + open_model("runs/tiny").tokenizer.decode([step.id for step in steps[:at]])
        next(button for button in app.button if button.label == "Next").click().run()
    assert app.query_params["walk"] == "7" and not app.exception


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("temperature", "99", 5.0),
        ("temperature", "nan", 1.0),
        ("top-k", "-3", 1),
        ("top-p", "<b>", None),
        ("tokens", "1000000000", 1000),
        ("tokens", "1e9", 40),
    ],
)
def test_a_link_that_asks_for_what_cannot_be_is_clamped_or_not_heard(intro_page, name, value, shown):
    app = intro_page(hide="guess", **{name: value})
    assert not app.exception and app.number_input(key=f"widget:{name}").value == shown


def test_without_a_prompt_there_is_an_empty_state_and_still_the_overview(open_app):
    app = open_app(prompt="").switch_page("../pages/intro.py").run()
    assert not app.exception and any("prompt is empty" in found.value for found in app.markdown)
    rows = sum(bool(each.page) and (PAGES / each.page).exists() for each in CHAPTERS)
    assert len(app.get("page_link")) == rows + 2, "besides the rows: where to go on, and the next page"
