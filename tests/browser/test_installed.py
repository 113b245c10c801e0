"""The wheel in an environment of its own: the app and the trainer, started by their command in an empty folder."""

import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, launch


@pytest.fixture(scope="module")
def command(tmp_path_factory) -> Path:
    """The installed command. Only the wheel is installed: its requirements are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("attention_explorer-*.whl")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib"))
    return python.with_name("attention-explorer")


def test_the_trainer_writes_a_run_into_the_folder_that_the_app_lists(command, tmp_path, page, problems):
    empty = tmp_path / "empty"
    empty.mkdir()
    train = [command, "train", "--preset", "quick", "--run", tmp_path / "runs" / "mine", "--steps", "3"]
    trained = subprocess.run(train, cwd=empty, capture_output=True, text=True, check=True)
    assert "finished at step 3" in trained.stdout
    server = launch([str(command)], tmp_path, cwd=empty)
    try:
        page.goto(f"{server.url}/?model=runs/mine")
        expect(page.locator(".attention[data-layer]:not([data-layer=''])")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("combobox", name="Model")).to_have_value(re.compile("mine"))
        page.goto(f"{server.url}/?model=shakespeare-char")
        expect(page.locator(".attention[data-layer]:not([data-layer=''])")).to_be_visible(timeout=60_000)
        page.goto("about:blank")  # the page may still load something
    finally:
        server.stop()
    assert "Traceback" not in server.log() and not problems
    assert not list(empty.iterdir()), "nothing was written into the folder where it was started"


def test_a_wrong_option_of_the_trainer_is_explained(command):
    refused = subprocess.run([command, "train", "--preset", "none"], capture_output=True, text=True)
    assert refused.returncode == 2 and "invalid choice: 'none'" in refused.stderr
