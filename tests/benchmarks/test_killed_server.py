"""The server is killed at 20 random moments: every run trains to its end, and every page comes back."""

import os
import signal
import time
from random import Random

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from explorer.navigation import ENTRIES, FIRST
from gpt import PRESETS, Corpus, create_run
from tests.browser.conftest import ROOT, start

APP = ROOT / "explorer" / "app.py"
KILLS = 20
LATEST = 4.0  # seconds after a page was asked for
STEPS = 400  # of each run: one is created before each kill
PATIENCE = 900  # seconds for all runs to end
TEXT = Corpus("own", 400 * "First Citizen: Before we proceed any further, hear me speak.\n", "made for a test")
PAGES = {entry.title: entry.file.removesuffix(".py") if entry.file != FIRST else "" for entry in ENTRIES}  # by title


def ask(url: str, page: str) -> ClientConnection:
    """Ask for a page, as a browser does, and return the connection."""
    session = connect(f"ws{url[4:]}/_stcore/stream", subprotocols=["streamlit"], max_size=None, ping_interval=None)
    session.send(BackMsg(rerun_script=ClientState(page_name=page)).SerializeToString())
    return session


def draw(url: str, page: str) -> tuple[str, list[str]]:
    """Return the title of a page and the tracebacks on it, when it is drawn."""
    title, problems = "", []
    with ask(url, page) as session:
        while True:
            message = ForwardMsg.FromString(session.recv(timeout=300))
            element = message.delta.new_element
            if element.WhichOneof("type") == "exception":
                problems.append(element.exception.message)
            elif element.WhichOneof("type") == "heading" and element.heading.tag == "h1":
                title = element.heading.body
            elif message.WhichOneof("type") == "script_finished":
                return title, problems


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_run_is_lost_and_every_page_comes_back(tmp_path, capsys):
    chance, runs, servers = Random(0), [], []
    try:
        for number in range(KILLS):
            servers.append(start(APP, tmp_path))
            server = servers[-1]
            recipe = PRESETS["rung-3"].changed(steps=STEPS, eval_batches=1)
            runs.append(create_run(server.runs / f"run-{number}", recipe, TEXT))
            page = chance.choice([*PAGES.values()])
            with ask(server.url, "runs"), ask(server.url, page):
                time.sleep(chance.uniform(0, LATEST))
                os.kill(server.process.pid, signal.SIGKILL)
                server.process.wait()
        servers.append(start(APP, tmp_path))
        url, until = servers[-1].url, time.monotonic() + PATIENCE
        while any(run.status.state != "finished" for run in runs):
            assert time.monotonic() < until, [run.status for run in runs]
            assert draw(url, "runs") == ("Runs", [])
            time.sleep(2)
        for run in runs:
            steps = [row["step"] for row in run.metrics()]
            assert steps == sorted(set(steps)) and steps[-1] == run.steps[-1] == STEPS
            assert all(run.model(step) for step in run.steps)
        for title, page in PAGES.items():
            assert draw(url, page) == (title, [])
        assert "Traceback" not in servers[-1].log()
    finally:
        for run in runs:
            run.stop_request.touch()
        for server in servers:
            server.stop()
    with capsys.disabled():
        print(f"\n{KILLS} kills, {len(runs)} runs whole, {len(PAGES)} pages back")
