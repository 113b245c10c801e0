"""The way through the course: pages before and after, done pages, and where to go on."""

import pytest

from explorer.lecture.kit.progress import PROGRESS
from explorer.train import jobs


@pytest.fixture
def page(open_app, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)  # nothing starts behind the test's back
    return lambda name, **choices: open_app(**choices).switch_page(f"../pages/{name}.py").run()


def links(app):
    return [found.proto.label for found in app.get("page_link")]


def test_the_pages_before_and_after_are_below_a_page_and_skip_what_is_hidden(page):
    assert links(page("averaging"))[-2:] == ["The bigram", "Positions"]
    assert links(page("averaging", hide="positions,act-1"))[-1:] == ["One head"]
    assert links(page("conclusions"))[-2:] == ["Rewards and policy", "Backward by hand"]


def test_a_page_is_done_until_it_is_not(page):
    app = page("averaging")
    box = lambda: next(found for found in app.checkbox if found.label == "Done")  # noqa: E731
    assert not box().value
    box().check().run()
    app.switch_page("../pages/intro.py").run()
    assert any("1 of " in found.value and "pages done" in found.value for found in app.markdown)
    assert "Go on with One token at a time" in links(app)
    marked = [found.proto.label for found in app.get("page_link") if found.proto.icon == ":material/check:"]
    assert len(marked) == 4 and any("Version 1" in label for label in marked)
    app.switch_page("../pages/averaging.py").run()
    assert box().value
    box().uncheck().run()
    app.switch_page("../pages/intro.py").run()
    assert "Start with One token at a time" in links(app)


def test_the_cookie_is_read_and_what_is_no_page_is_left_out():
    assert PROGRESS.parse("averaging=done&nonsense=done&head=<b>&bigram=done") == {
        "averaging": "done",
        "bigram": "done",
    }
