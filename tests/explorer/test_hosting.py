"""What the app does by itself on a host that runs it for everybody."""

import os
import re

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from explorer import server
from explorer.command import adapt_to_space
from explorer.people.identity import CODE_FILE
from explorer.places import READ_ONLY, READ_ONLY_VARIABLE, is_read_only
from tests.explorer.conftest import ROOT
from tests.explorer.elements import messages

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


def dockerfile(instruction: str) -> list[str]:
    """The values of this instruction, in order."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    return re.findall(rf"^{instruction} (.+)$", text, re.MULTILINE)


def test_compose_gives_the_image_what_it_asks_for():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert services["app"]["build"] == "." and services["gpu"]["profiles"] == ["gpu"]
    known = {name.partition("=")[0] for name in dockerfile("ARG")}
    assert set(services["gpu"]["build"]["args"]) <= known
    for service in services.values():
        assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in dockerfile("EXPOSE")]
        assert [volume.partition(":")[2] for volume in service["volumes"]] == dockerfile("VOLUME")
        [secret] = service["secrets"]
        assert service["environment"][CODE_FILE] == f"/run/secrets/{secret}"
        assert READ_ONLY_VARIABLE in service["environment"]


def test_the_space_is_configured_for_the_image():
    _, configuration, _ = (ROOT / "deploy" / "huggingface" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    space = yaml.safe_load(configuration)
    assert space["sdk"] == "docker" and [str(space["app_port"])] == dockerfile("EXPOSE")
    assert len(space["short_description"]) <= 60, "the Hub takes no more"
