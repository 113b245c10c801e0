"""Runs survive the server, and two servers that share a folder train each run once."""

import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from gpt import PRESETS, Corpus, Run, create_run

TEXT = Corpus("own", 400 * "First Citizen: Before we proceed any further, hear me speak.\n", "made for a test")
PATIENCE = 120  # seconds
APP = Path(__file__).parents[2] / "explorer" / "app.py"


@pytest.fixture
def start(tmp_path):
    """Servers of the app that share one runs folder."""
    spec = importlib.util.spec_from_file_location("browser_conftest", Path(__file__).with_name("conftest.py"))
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    servers = []

    def start_one():
        servers.append(conftest.start(APP, tmp_path))
        return servers[-1]

    yield start_one
    for folder in (tmp_path / "runs").iterdir():
        if folder.is_dir():
            (folder / "stop").touch()  # a worker outlives its server, as it should
    for server in servers:
        server.stop()


def until(happened, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s: {what}"
        time.sleep(0.2)


def queued(runs: Path, steps: int) -> Run:
    return create_run(runs / "lesson", PRESETS["rung-3"].changed(steps=steps, eval_batches=1), TEXT)


def open_runs(page, server, choose_page) -> None:
    page.goto(server.url)
    choose_page(page, "Runs")


def test_a_run_outlives_its_server_and_its_worker_is_missed_when_it_dies(start, page, choose_page, problems):
    server = start()
    run = queued(server.runs, 1_000_000)
    open_runs(page, server, choose_page)
    until(lambda: run.status.state == "running" and run.status.step > 20, "the server starts the run")
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    step = run.status.step
    until(lambda: run.status.step > step + 100, "the run goes on without a server")
    problems.clear()  # the page has lost its server

    open_runs(page, start(), choose_page)
    expect(page.get_by_role("button", name="Resume")).to_be_disabled(timeout=60_000)
    os.kill(int(subprocess.check_output(["pgrep", "-f", f"resume {run.folder}"])), signal.SIGKILL)
    expect(page.get_by_text("Its training process has ended; it can be resumed.")).to_be_visible(timeout=60_000)
    step = run.status.step
    resume = page.get_by_role("button", name="Resume")
    while resume.is_enabled():  # on a busy machine, a click while the page is drawn again may be lost
        resume.click(timeout=60_000)
        page.wait_for_timeout(5_000)
    until(lambda: run.status.state == "running" and run.status.step > step, "the page resumes it")
    page.get_by_role("button", name="Stop", exact=True).click(timeout=60_000)
    until(lambda: run.status.state == "stopped", "the new server's page stops it")
    expect(page.get_by_role("button", name="Resume")).to_be_enabled(timeout=60_000)
    assert run.steps[-1] == run.status.step
    problems.clear()  # requests of the page that was left, to the server that is gone


def test_two_servers_on_one_folder_train_a_run_once(start, page, choose_page, browser):
    servers = [start(), start()]
    context = browser.new_context()
    tabs = page, context.new_page()
    for tab, server in zip(tabs, servers, strict=True):
        open_runs(tab, server, choose_page)
        expect(tab.get_by_text("No run yet")).to_be_visible(timeout=60_000)
    run = queued(servers[0].runs, 300)
    for tab in tabs:
        expect(tab.get_by_role("button", name="Rename")).to_be_visible(timeout=60_000)  # without a click
    until(lambda: run.status.state == "finished", "one of them trains it")
    context.close()
    steps = [row["step"] for row in run.metrics()]
    assert steps == sorted(set(steps)) and steps[-1] == 300
    assert (run.folder / "log.txt").read_text().count("finished at step 300") == 1
