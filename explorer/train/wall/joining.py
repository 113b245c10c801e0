"""How a class reaches the server: the link, and its QR code."""

from io import BytesIO
from urllib.parse import urlsplit

import segno
import streamlit as st

from explorer.people.identity import HOME

QUIET = 4  # modules of white around a QR code: scanners need them


def class_link(address: str) -> str | None:
    """Return the link to this page on which students reach the server; None where they cannot.

    address: of the page in this browser. If only this machine reaches it, the link has the first host that
    `server.allowedHosts` names besides. It never has parameters.
    """
    here = urlsplit(address)
    hosts = [here.hostname or "", *st.get_option("server.allowedHosts")]
    host = next((host for host in hosts if host and host not in HOME and "*" not in host), None)
    if host is None:
        return None
    name = f"[{host}]" if ":" in host else host
    port = f":{here.port}" if here.port else ""
    return f"{here.scheme or 'http'}://{name}{port}{here.path}"


def qr_code(link: str) -> str:
    """Return the QR code of a link as an SVG drawing, black on white in every theme."""
    drawing = {"border": QUIET, "scale": 8, "dark": "#000", "light": "#fff", "xmldecl": False, "nl": False}
    written = BytesIO()
    segno.make_qr(link, error="m").save(written, kind="svg", **drawing)
    return written.getvalue().decode()
