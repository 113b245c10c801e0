"""A server that other machines reach. Each `open_app()` is a person of its own."""

import pytest
from streamlit import config

from explorer.people import identity
from explorer.train import jobs
from tests.explorer.elements import widget

SHARED = {"server.address": "0.0.0.0"}
RIGHT = "open sesame"


@pytest.fixture
def shared(monkeypatch):
    before = {name: config.get_option(name) for name in SHARED}
    for name, value in SHARED.items():
        config.set_option(name, value)
    monkeypatch.setenv(identity.CODE, RIGHT)
    monkeypatch.setattr(identity, "PAUSE", 0)
    identity._wrong.clear()
    yield
    for name, value in before.items():
        config.set_option(name, value)


@pytest.fixture
def join(shared, open_app, monkeypatch):
    """join(page, name, code) opens the app on a page as a person with a name, or the teacher's code, or neither."""

    monkeypatch.setattr(jobs, "slots", lambda: 0)  # no worker starts

    def open_page(page: str, name: str = "", code: str = "", **choices: str):
        app = open_app(**choices).switch_page(f"../pages/{page}.py").run()
        if name:
            widget(app.text_input, "Name").set_value(name)
            app = widget(app.button, "Save name").click().run()
        if code:
            widget(app.text_input, "Teacher's code").set_value(code)
            app = widget(app.button, "Become teacher").click().run()
        return app

    return open_page
