"""A class at once: how long thirty sessions wait for the first page, and how many prompts a second the server
answers.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Barrier
from urllib.parse import urlencode

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.browser.conftest import ROOT, start

SESSIONS = 30
LINK = {"model": "shakespeare-char", "layer": 2, "head": 1, "query": 20, "key": 3}


def visit(url: str, query: dict, everybody: Barrier | None = None) -> float:
    """Seconds until the server has sent the whole page at this link, without a browser's own time."""
    with connect(
        f"ws{url[4:]}/_stcore/stream", subprotocols=["streamlit"], max_size=None, ping_interval=None
    ) as session:
        if everybody:
            everybody.wait()
        started = time.perf_counter()
        session.send(BackMsg(rerun_script=ClientState(query_string=urlencode(query))).SerializeToString())
        while ForwardMsg.FromString(session.recv(timeout=300)).WhichOneof("type") != "script_finished":
            pass
        return time.perf_counter() - started


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_thirty_sessions_at_once(tmp_path, capsys):
    server = start(ROOT / "explorer" / "app.py", tmp_path)
    try:
        first = visit(server.url, LINK)
        with ThreadPoolExecutor(SESSIONS) as pool:
            everybody = Barrier(SESSIONS)
            alike = sorted(pool.map(lambda _: visit(server.url, LINK, everybody), range(SESSIONS)))
            links = [
                LINK | {"prompt": f"First Citizen:\nHear me speak, number {number}."} for number in range(SESSIONS)
            ]
            started = time.perf_counter()
            list(pool.map(lambda link: visit(server.url, link), links))
            spent = time.perf_counter() - started
    finally:
        server.stop()
    with capsys.disabled():
        print(
            f"\nthe first visit {first:.1f} s; {SESSIONS} at once with one link: median {median(alike):.1f} s, last "
            f"{alike[-1]:.1f} s; with {SESSIONS} prompts: {SESSIONS / spent:.1f} a second"
        )
    assert len(alike) == SESSIONS
