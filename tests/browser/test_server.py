"""What the server answers to whom: hosts, headers, the pages' own addresses, and a message that would empty all
caches.
"""

import http.client
import socket
from urllib.parse import urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from explorer.lecture.kit.video import player_address
from explorer.server import VIDEO

STREAM = "/_stcore/stream"
ADDRESSES = ("/", "/train", "/_stcore/health", "/_stcore/host-config", "/static/media/none.png", "/nonsense")
OURS = ("localhost", "127.0.0.1", "[::1]", "LOCALHOST")
FOREIGN = ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.20")


def answer(server, path: str, host: str) -> http.client.HTTPResponse:
    """The answer to a request that names this host, whatever the server's own is."""
    port = urlsplit(server.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", f"{host}:{port}")
    connection.endheaders()
    return connection.getresponse()


def stream(server, host: str):
    """A connection as the page of that host would open it: Host and Origin agree."""
    port = urlsplit(server.url).port
    to = socket.create_connection(("127.0.0.1", port))
    return connect(f"ws://{host}:{port}{STREAM}", sock=to, origin=f"http://{host}:{port}", subprotocols=["streamlit"])


@pytest.mark.parametrize("host", OURS)
def test_it_answers_to_its_own_names(app_server, host):
    assert answer(app_server, "/train", host).status == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_name_that_leads_here_gets_nothing(app_server, host):
    for path in ADDRESSES:
        refused = answer(app_server, path, host)
        assert refused.status == 421 and b"--server.allowedHosts" in refused.read(), path
    with pytest.raises(InvalidStatus) as error, stream(app_server, host):
        pass
    assert error.value.response.status_code == 403


def test_a_page_of_another_site_cannot_connect(app_server):
    with pytest.raises(InvalidStatus), connect(f"ws{app_server.url[4:]}{STREAM}", origin="http://evil.example"):
        pass


@pytest.mark.parametrize("path", ADDRESSES)
def test_nobody_frames_it_and_only_its_own_scripts_run(app_server, path):
    headers = answer(app_server, path, "localhost").headers
    assert headers["X-Frame-Options"] == "SAMEORIGIN" and headers["X-Content-Type-Options"] == "nosniff"
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == "'self'" and policy["object-src"] == "'none'"
    assert policy["frame-src"] == f"'self' {VIDEO}" and player_address("0:00:10").startswith(f"{VIDEO}/")
    assert "unsafe" not in policy["script-src"].replace("'wasm-unsafe-eval'", "")
    others = " ".join(sources for rule, sources in policy.items() if rule != "frame-src")
    assert "http" not in others, "nothing is loaded from anywhere else"


@pytest.mark.parametrize("path", ["", "train", "runs?run=none"])
def test_a_page_opened_by_its_address_asks_for_nothing_that_is_not_there(app_server, page, settled, path):
    missing = []
    page.on("response", lambda response: missing.append(response.url) if response.status >= 400 else None)
    page.goto(f"{app_server.url}/{path}")
    settled(page)
    assert page.url.split("?")[0] == f"{app_server.url}/{path.split('?')[0]}"
    page.reload()
    settled(page)
    assert not missing


def misses(server) -> list[str]:
    """How often each of the app's caches was asked for what it did not have."""
    lines = answer(server, "/_stcore/metrics", "localhost").read().decode().splitlines()
    return [
        line for line in lines if line.startswith('cache_lookups_total{cache="explorer') and 'result="miss"' in line
    ]


def test_no_browser_empties_the_caches_of_all(app_server):
    with stream(app_server, "localhost") as session:

        def ask(message: BackMsg, answered: str) -> None:
            session.send(message.SerializeToString())
            while ForwardMsg.FromString(session.recv(timeout=60)).WhichOneof("type") != answered:
                pass

        opening = BackMsg(rerun_script=ClientState(query_string="model=induction"))
        ask(opening, "script_finished")
        before = misses(app_server)
        assert any(not line.endswith(" 0") for line in before)
        session.send(BackMsg(clear_cache=True).SerializeToString())
        ask(opening, "script_finished")
        assert misses(app_server) == before
