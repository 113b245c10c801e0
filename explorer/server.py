"""The server's answers besides the pages: which hosts it accepts, its headers, and the page that loads them.

Streamlit's server is an ASGI application, and this is what wraps it. It is imported once, when the server starts.
"""

import base64
import hashlib
import os
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.cli_util import open_browser
from streamlit.file_util import get_static_dir
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.server_util import get_display_address, get_url
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from explorer.navigation import APP, ENTRIES
from explorer.opened import import_gpt
from explorer.people.identity import COOKIE, is_shared, new_id, read_cookie, write_cookie

FRAMES = "ATTENTION_EXPLORER_FRAMES"  # sites that may show the app in a frame, such as https://school.example
VIDEO = "https://www.youtube-nocookie.com"  # the only other site in a frame, once a person opens the lecture's video
PLOTLY = Path(str(distribution("plotly").locate_file("plotly/package_data/plotly.min.js")))

# Without it the browser looks for the server beside the page first, and each page that is opened directly has two 404s.
BACKEND = "<script>window.__streamlit = { BACKEND_BASE_URL: location.origin }</script>"


@cache
def index() -> str:
    """Return Streamlit's index.html, the answer at each page's address, with this app's name and the server's
    address.
    """
    html = (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")
    return html.replace("<title>Streamlit</title>", f"<title>{APP}</title>{BACKEND}")


@cache
def rules() -> str:
    """Return the Content-Security-Policy without the host: only this server's scripts and connections, and its frames
    or the player of the lecture's video.
    """
    inline = re.findall(r"<script>(.*?)</script>", index(), re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in inline]
    scripts = " ".join(f"'sha256-{each}'" for each in hashes)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' blob: 'wasm-unsafe-eval' {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "worker-src 'self' blob:",
            f"frame-src 'self' {VIDEO}",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            f"frame-ancestors 'self' {os.environ.get(FRAMES, '')}".strip(),
            "connect-src 'self' data: blob:",
        )
    )


def routes() -> list[Route]:
    """A route for each page's address, and one for the script that draws figures."""

    async def page(request: Request) -> HTMLResponse:
        response = HTMLResponse(index(), headers={"Cache-Control": "no-cache"})
        if is_shared() and not read_cookie(request.cookies.get(COOKIE, "")):
            year = 365 * 24 * 3600
            response.set_cookie(COOKIE, write_cookie(new_id()), max_age=year, httponly=True, samesite="lax")
        return response

    async def plotly(_: Request) -> FileResponse:
        return FileResponse(PLOTLY, headers={"Cache-Control": "max-age=86400"})

    names = ("", *(Path(entry.file).stem for entry in ENTRIES))
    return [Route("/plotly.min.js", plotly), *(Route(f"/{name}", page) for name in names)]


class Guard:
    """Refuse hosts that `server.allowedHosts` does not list, add headers, and ignore messages that clear caches."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # Streamlit itself refuses its host
            return await self.app(scope, without_clearing(receive), send)
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host")
            if not is_host_allowed(host):
                return await refusal(host)(scope, receive, send)
            return await self.app(scope, receive, with_headers(send, host or ""))
        await self.app(scope, receive, send)


def refusal(host: str | None) -> PlainTextResponse:
    """What a request to another host than the allowed ones is answered."""
    name = (host or "").rsplit(":", 1)[0] or "NAME"
    return PlainTextResponse(
        f"This server does not answer to the host {host!r}. If it is yours, start the app with "
        f"--server.allowedHosts={name}\n",
        status_code=421,
    )


def with_headers(send: Send, host: str) -> Send:
    """`send`, with the headers that every answer has."""
    policy = f"{rules()} ws://{host} wss://{host}"  # not every browser counts these among 'self'

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = policy
            if not os.environ.get(FRAMES):  # the older header cannot name sites
                headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return sending


def without_clearing(receive: Receive) -> Receive:
    """Wrap `receive` so that no message clears the caches of all sessions."""

    async def receiving() -> Message:
        while True:
            message = await receive()
            if not is_clearing(message.get("bytes") or b""):
                return message

    return receiving


def is_clearing(data: bytes) -> bool:
    """Whether this is Streamlit's `clear_cache` message."""
    try:
        return BackMsg.FromString(data).WhichOneof("type") == "clear_cache"
    except ValueError:  # no message at all, which Streamlit answers
        return False


@asynccontextmanager
async def open_in_browser(app: st.App) -> AsyncIterator[None]:
    """Open the app in a browser as the server starts, as Streamlit does for an app without a server of its own.

    Meanwhile gpt is imported, which takes seconds.
    """
    threading.Thread(target=import_gpt, daemon=True).start()
    if not st.get_option("server.headless"):
        open_browser(get_url(get_display_address(st.get_option("server.address"))))
    yield


GUARD = [Middleware(Guard)]
