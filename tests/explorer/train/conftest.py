"""join: the app on a server for a class, as in tests/explorer/people.   nothing_starts: no worker starts.
open_train(**choices): the Train page, opened by a link with these choices.
"""

import pytest

from explorer.train import jobs
from tests.explorer.people.conftest import join, shared

__all__ = ["join", "shared"]


@pytest.fixture
def nothing_starts(monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)


@pytest.fixture
def open_train(open_app, nothing_starts):
    def open_with(**choices: str):
        app = open_app(**choices).switch_page("../pages/train.py").run()
        assert not app.exception and [title.value for title in app.title] == ["Train"]
        return app

    return open_with
