"""A stand-in for the Hugging Face Hub on this machine: the parts of its API that a download uses."""

import hashlib
import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

SHA = "a" * 40


class Hub:
    """Models by id: a folder with files, or the status and error code of the answer.

    `requests` has method and path of every request.
    """

    delay = 0.0  # seconds before a file

    def __init__(self) -> None:
        self.models: dict[str, Path | tuple[int, str]] = {}
        self.gated: set[str] = set()  # their files cannot be downloaded
        self.requests: list[tuple[str, str]] = []
        self.url = ""


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def log_message(self, *_) -> None:
        pass

    def answer(self) -> None:
        path = urlsplit(self.path).path
        self.hub.requests.append((self.command, path))
        in_api = path.startswith("/api/models/")
        parts = path.removeprefix("/api/models/").strip("/").split("/")
        name, rest = "/".join(parts[:2]), parts[2:]
        model = self.hub.models.get(name, (401, "RepoNotFound"))
        if isinstance(model, tuple):
            self.send(model[0], b"{}", {"X-Error-Code": model[1]})
        elif not in_api and name in self.hub.gated:
            self.send(401, b"{}", {"X-Error-Code": "GatedRepo"})
        elif not in_api:  # /owner/name/resolve/sha/file
            self.send_file(model / "/".join(rest[2:]))
        elif rest[:1] == ["tree"]:
            self.send_json([{"type": "file", "path": n, "size": s, "oid": n} for n, s in sizes(model).items()])
        else:
            siblings = [{"rfilename": n, "size": s} for n, s in sizes(model).items()]
            self.send_json(
                {"id": name, "modelId": name, "sha": SHA, "siblings": siblings, "tags": [], "private": False}
            )

    def send_file(self, file: Path) -> None:
        time.sleep(self.hub.delay)
        content = file.read_bytes()
        self.send(200, content, {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": SHA})

    def send_json(self, value: object) -> None:
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def sizes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in sorted(folder.iterdir())}


@contextmanager
def serve(hub: Hub) -> Generator[Hub]:
    """Answer requests in a thread until the context ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
