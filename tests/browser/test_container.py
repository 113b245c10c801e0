"""The container: the Dockerfile's own steps are run, then its command, as its user, until its health check passes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.container import ROOT, Image, can_mount

pytestmark = pytest.mark.skipif(not can_mount(), reason="needs root on Linux and its right to mount, as Docker has")
# This machine's own CPU build of torch, where it has one; else PyTorch's, as in the Dockerfile
TORCH = {"TORCH_INDEX": "https://pypi.org", "TORCH_BUILD": "simple"} if os.environ.get("PIP_FIND_LINKS") else {}


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    image = Image(tmp_path_factory.mktemp("image"), TORCH)
    yield image
    image.close()


def test_the_dockerfile_follows_the_linter():
    subprocess.run([Path(sys.executable).with_name("hadolint"), ROOT / "Dockerfile"], check=True)


def test_the_container_runs_as_a_user_and_becomes_healthy(image, page, problems, settled):
    assert image.built.user == "1000:1000" and image.built.volumes == [image.built.variables["ATTENTION_EXPLORER_RUNS"]]
    assert image.run(["touch", "/runs/a-file"]).wait() == 0
    assert image.run(["touch", "/a-file"]).wait() != 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = image.run(image.built.command, STREAMLIT_SERVER_PORT=port)
    try:
        deadline = time.monotonic() + 90
        while image.run(image.built.healthcheck, STREAMLIT_SERVER_PORT=port).wait():
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.5)  # Docker waits longer between two checks
        assert os.stat(f"/proc/{server.pid}").st_uid == 1000
        page.goto(f"http://localhost:{port}/?model=induction")
        expect(page.locator(".attention[data-layer]:not([data-layer=''])")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("combobox", name="Model")).to_have_value(re.compile("induction"))
        settled(page)
        page.goto("about:blank")
        assert not problems
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
