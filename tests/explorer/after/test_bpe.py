"""The page of the GPT tokenizer: the next merge waits for a prediction, and a text has its own vocabulary."""

import pytest

from tests.explorer.drawn import plots
from tests.explorer.elements import press


@pytest.fixture
def bpe_page(open_app):
    return lambda **choices: open_app(**choices).switch_page("../pages/bpe.py").run()


def values(app):
    """Name → number; of a name that is there twice the first."""
    return {metric.label: metric.value for metric in reversed(app.metric)}


def pick(app, option):
    return next(group for group in app.get("button_group") if "merged next" in group.label).set_value(option).run()


def test_the_counts_wait_for_a_prediction_of_the_next_merge(bpe_page):
    app = bpe_page(merged="low low lower")
    charts = len(plots(app))
    assert not app.exception and values(app)["Tokens"] == "13"
    app = press(pick(app, "w + e"), "Check")
    assert "another one" in app.warning[0].value and len(plots(app)) == charts
    app = press(pick(app, "l + o"), "Check")
    assert "It occurs 3 times" in app.success[0].value and len(plots(app)) == charts + 1
    app = press(app, "Next")
    assert not app.success and values(app)["Tokens"] == "10" and values(app)["Vocabulary"] == "256 + 1"


def test_a_text_without_a_pair_says_so_and_numbers_are_cut(bpe_page):
    app = bpe_page(merged="abc", vocabulary="512", **{"cut-text": "emoji"})
    assert not app.exception and any("No pair occurs twice" in found.value for found in app.markdown)
    assert values(app)["Vocabulary"] == "512" and 1.5 < float(values(app)["Bytes a token"]) < 2.5
    for box, answer in zip(app.number_input[-2:], (5, 50_000), strict=True):
        box.set_value(answer)
    app.run()
    for check in [button.key for button in app.button if button.label == "Check"]:
        app.button(key=check).click().run()
    assert len(app.success) == 2
