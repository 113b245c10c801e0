"""What the class wall costs the runs that it shows: 30 runs of which 3 train, with and without 5 viewers."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from statistics import median
from threading import Event, Thread

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from explorer.train.wall import facts
from explorer.train.wall.facts import PERIOD, Board
from gpt import PRESETS, Run, create_run, load_corpus
from tests.benchmarks.machine import seconds
from tests.browser.conftest import ROOT, start

RUNS, TRAINING, VIEWERS = 30, 3, 5
WINDOW = 8  # seconds
ROUNDS = 5
FIRST = 40  # seconds in which the server scores the heads of all runs, once


class Viewer:
    """A session on the wall that asks for its tiles again every `PERIOD`, as a browser does."""

    def __init__(self, url: str) -> None:
        self.updates, self.bytes = 0, 0
        self._end = Event()
        self._socket = connect(
            f"ws{url[4:]}/_stcore/stream", subprotocols=["streamlit"], max_size=None, ping_interval=None
        )
        self._fragment = self._page = ""
        self._run(ClientState(page_name="wall"))
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(PERIOD):
            self._run(ClientState(page_script_hash=self._page, fragment_id=self._fragment, is_auto_rerun=True))
            self.updates += 1

    def _run(self, state: ClientState) -> None:
        self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        while True:
            raw = self._socket.recv(timeout=60)
            message, self.bytes = ForwardMsg.FromString(raw), self.bytes + len(raw)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._page = message.new_session.page_script_hash
            elif kind == "auto_rerun":
                self._fragment = message.auto_rerun.fragment_id
            elif kind == "script_finished":
                return

    def close(self) -> None:
        self._end.set()
        self._thread.join(timeout=60)
        self._socket.close()


@pytest.fixture
def training(tmp_path) -> list[Run]:
    """A folder of 30 runs. Three of them are trained by workers, one thread each."""
    runs = tmp_path / "runs"
    shipped = ROOT / "assets" / "models" / "shakespeare-char"
    for number in range(RUNS - TRAINING):
        shutil.copytree(shipped, runs / f"run-{number}")
    recipe = PRESETS["quick"].changed(steps=1_000_000, eval_every=2_000, eval_batches=1, snapshots=400)
    live = [create_run(runs / f"live-{number}", recipe, load_corpus("tinyshakespeare")) for number in range(TRAINING)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TQDM_DISABLE": "1"}
    command = [sys.executable, "-m", "gpt.train", "--resume"]
    workers = [
        subprocess.Popen([*command, str(run.folder)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        for run in live
    ]
    deadline = time.monotonic() + 120
    while min(run.status.step for run in live) < 50:
        assert time.monotonic() < deadline, "they train"
        time.sleep(0.5)
    yield live
    for run in live:
        run.stop_request.touch()
    for worker in workers:
        worker.wait(timeout=60)


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_what_five_viewers_cost_the_workers(training, tmp_path, monkeypatch, report):
    ratios, updates, sent = [], 0, 0
    server = start(ROOT / "explorer" / "app.py", tmp_path)
    try:
        first = Viewer(server.url)
        time.sleep(FIRST)
        first.close()
        for _ in range(ROUNDS):
            nobody = speed(training)
            with ExitStack() as stack:
                viewers = [Viewer(server.url) for _ in range(VIEWERS)]
                for viewer in viewers:
                    stack.callback(viewer.close)
                ratios.append(speed(training) / nobody)
            updates += sum(viewer.updates for viewer in viewers)
            sent += sum(viewer.bytes for viewer in viewers)
    finally:
        server.stop()
    assert updates > ROUNDS * VIEWERS, "the wall was watched"
    report(
        f"{TRAINING} runs train while {VIEWERS} viewers watch the wall of {RUNS} runs",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
        "their speed while nobody looks",
        median(ratios),
        "≥ 0.95",
    )
    monkeypatch.setattr(facts, "HEAD_TIME", 60.0)
    board = Board()
    board.look(tmp_path / "runs")  # scores the heads of every run
    look = median(seconds(lambda: board.look(tmp_path / "runs")) for _ in range(9))
    report(
        "one look at these runs, every 2 s for all viewers",
        f"{1000 * look:.0f} ms; {sent / updates / 1e3:.0f} kB to each viewer",
        "–",
        None,
        "",
    )


def speed(runs: list[Run]) -> float:
    """Steps a second of all runs together over one window; the second before it is left out."""
    time.sleep(1)
    first, began = sum(map(step_of, runs)), time.perf_counter()
    time.sleep(WINDOW)
    return (sum(map(step_of, runs)) - first) / (time.perf_counter() - began)


def step_of(run: Run) -> int:
    return json.loads((run.folder / "status.json").read_text())["step"]
