"""What the app does by itself on a host that runs it for everybody."""

import os

import pytest
from streamlit.testing.v1 import AppTest

from explorer import server
from explorer.command import adapt_to_space
from explorer.places import READ_ONLY, READ_ONLY_VARIABLE, is_read_only
from tests.explorer.conftest import ROOT
from tests.explorer.train.elements import messages

SET = (READ_ONLY_VARIABLE, server.FRAMES, "STREAMLIT_SERVER_ALLOWED_HOSTS")


@pytest.fixture
def unset(monkeypatch):
    """Variables that the app may set; after the test they are as before."""
    for name in SET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_community_cloud_starts_an_app_that_only_shows(runs, unset):
    app = AppTest.from_file(str(ROOT / "deploy" / "streamlit-cloud" / "app.py"), default_timeout=60).run()
    assert not app.exception and READ_ONLY in messages(app)
    os.environ[READ_ONLY_VARIABLE] = "0"
    assert READ_ONLY not in messages(app.run())


def test_a_space_only_shows_in_a_frame_of_the_hub(unset, monkeypatch):
    adapt_to_space()
    assert not is_read_only() and "frame-ancestors 'self';" in server.rules.__wrapped__()
    monkeypatch.setenv("SPACE_HOST", "me-explorer.hf.space")
    adapt_to_space()
    assert is_read_only() and "frame-ancestors 'self' https://huggingface.co;" in server.rules.__wrapped__()
    assert os.environ["STREAMLIT_SERVER_ALLOWED_HOSTS"] == "me-explorer.hf.space localhost"


def test_a_space_may_be_allowed_to_train(unset, monkeypatch):
    monkeypatch.setenv("SPACE_HOST", "me-explorer.hf.space")
    monkeypatch.setenv(READ_ONLY_VARIABLE, "0")
    adapt_to_space()
    assert not is_read_only()
