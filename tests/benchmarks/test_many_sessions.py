"""A class at once: how long thirty sessions wait for the first page, and for each prompt that they all type."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median, quantiles
from string import ascii_letters
from threading import Barrier
from urllib.parse import urlencode

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.browser.conftest import ROOT, start

SESSIONS = 30
ROUNDS = 4  # prompts of each
PROMPT = 4 * "Before we proceed any further, hear me speak. You are all resolved rather to die than to famish? "
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


class Typist:
    """A session that sends one prompt after another, as a browser does: it keeps the large messages that it has got."""

    def __init__(self, url: str) -> None:
        self.socket = connect(
            f"ws{url[4:]}/_stcore/stream", subprotocols=["streamlit"], max_size=None, ping_interval=None
        )
        self.kept: set[str] = set()
        self.box = self.query = self.page = ""
        self.run(ClientState(query_string=urlencode(LINK)))

    def type(self, prompt: str) -> tuple[float, float, int]:
        """Seconds until the picture and until the whole page has arrived, and bytes, after this prompt."""
        state = ClientState(query_string=self.query, page_script_hash=self.page, cached_message_hashes=self.kept)
        state.widget_states.widgets.add(id=self.box, string_value=prompt)
        return self.run(state)

    def run(self, state: ClientState) -> tuple[float, float, int]:
        started, picture, size = time.perf_counter(), 0.0, 0
        self.socket.send(BackMsg(rerun_script=state).SerializeToString())
        while True:
            raw = self.socket.recv(timeout=300)
            message, size = ForwardMsg.FromString(raw), size + len(raw)
            if message.metadata.cacheable and not message.ref_hash:
                self.kept.add(message.hash)
            element = message.delta.new_element
            if element.text_area.label == "Prompt":
                self.box = element.text_area.id
            elif element.bidi_component.component_name == "attention_message" and not picture:
                picture = time.perf_counter() - started
            elif message.WhichOneof("type") == "new_session":
                self.page = message.new_session.page_script_hash
            elif message.WhichOneof("type") == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif message.WhichOneof("type") == "script_finished":
                return picture, time.perf_counter() - started, size


def type_prompts(url: str, everybody: Barrier, who: int) -> list[tuple[float, float, int]]:
    """Type different prompts of 240 characters without a pause, as one of several sessions."""
    session = Typist(url)
    session.type(PROMPT)
    everybody.wait()
    letters = ascii_letters[who % 52]
    return [session.type(f"{letters}{ascii_letters[number]} {PROMPT}"[:240]) for number in range(ROUNDS)]


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_sessions_that_type_at_once(tmp_path, report):
    server = start(ROOT / "explorer" / "app.py", tmp_path)
    try:
        visit(server.url, LINK)
        results = {}
        for count in (1, SESSIONS):
            everybody = Barrier(count)
            with ThreadPoolExecutor(count) as pool:
                each = pool.map(partial(type_prompts, server.url, everybody), range(count))
                results[count] = list(zip(*(turn for turns in each for turn in turns), strict=True))
    finally:
        server.stop()
    (picture, page, sent), (one, one_page, _) = results[SESSIONS], results[1]
    report(
        f"{SESSIONS} sessions type different prompts of 240 characters, no pause: picture; whole page",
        f"p50 {median(picture):.2f} s, p95 {quantiles(picture, n=20)[-1]:.2f}; p50 {median(page):.2f} s",
        f"1 session: {median(one):.2f} s; {median(one_page):.2f} s",
        median(picture) / median(one),
        "p50 ≤ 2 s",
    )
    report("bytes of each of these prompts", f"{median(sent) / 1e3:.0f} kB", "–", None, "≤ 200 kB")
    assert len(picture) == SESSIONS * ROUNDS and min(picture) > 0


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_thirty_sessions_at_once(tmp_path, report):
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
    report(
        f"{SESSIONS} sessions open one link at once",
        f"p50 {median(alike):.1f} s, last {alike[-1]:.1f} s",
        f"the first visit of 1 session: {first:.1f} s",
        median(alike) / first,
        "",
    )
    report(f"{SESSIONS} sessions open {SESSIONS} prompts at once", f"{SESSIONS / spent:.1f} a second", "–", None, "")
    assert len(alike) == SESSIONS
