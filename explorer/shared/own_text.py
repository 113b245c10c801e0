"""The person's own text: one at a time, kept on the server. Its short id is in the link, so a reload finds it."""

import re
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.opened import runs_folder
from explorer.people.identity import current
from explorer.people.limits import check_upload
from explorer.places import check_writable

if TYPE_CHECKING:
    from gpt import Corpus

OWN_TEXT = Choice("own-text", label="Own text")
OWN = "your own text"  # what the lists of texts call it
PASTED = "pasted text"  # its name where it is no file
KEPT = 20  # texts; older ones are removed
ID = re.compile("[0-9a-f]{16}")


def uploader(key: str) -> None:
    """Let the person upload a file, which becomes their own text. key: of the form that asks for it."""
    hint = "UTF-8, UTF-16 or UTF-32; at most 20 MB in UTF-8. It stays on this machine."
    file = st.file_uploader("A plain text file", key=f"{key}:file", help=hint)
    if file is not None and file.file_id != state.recall(f"{key}:upload"):
        state.remember(f"{key}:upload", file.file_id)
        keep(file.name, file.getvalue())


def keep(name: str, data: bytes) -> None:
    """Replace the person's own text by this one. It is checked where it is used.

    Raises ValueError if it is larger than this person may upload.
    """
    check_upload(current(), len(data))
    content = name.replace("\n", " ").encode("utf-8", "replace") + b"\n" + data
    known = sha256(content).hexdigest()[:16]
    state.remember("own text", None)
    try:
        check_writable()
        _write(_folder() / known, content)
    except (OSError, ValueError):  # nothing can be written there: it is lost on a reload
        state.remember("own text", content)
    choose({OWN_TEXT: known})


def forget() -> None:
    """Remove the person's own text."""
    state.remember("own text", None)
    choose({OWN_TEXT: None})


def kept() -> "Corpus | None":
    """Return the person's own text, or None. Raises CorpusError where nothing can be trained on it."""
    content = _content()
    return _corpus(content) if content else None


def pasted() -> str:
    """Return the pasted text, if the person's own text was pasted."""
    name, _, data = (_content() or b"").partition(b"\n")
    return data.decode("utf-8", "replace") if name == PASTED.encode() else ""


def _content() -> bytes | None:
    known = OWN_TEXT.text or ""
    if ID.fullmatch(known):
        with suppress(OSError):
            return (_folder() / known).read_bytes()
    return state.recall("own text")


@lru_cache(maxsize=2)
def _corpus(content: bytes) -> "Corpus":
    from gpt.text.corpus import corpus_from_bytes

    name, _, data = content.partition(b"\n")
    return corpus_from_bytes(name.decode(), data)


def _folder() -> Path:
    return runs_folder() / ".texts"


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{uuid4().hex}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    # the new text stays, even if the clock went back and it looks like the oldest
    others = [text for text in file.parent.glob("[!.]*") if text != file]
    for old in sorted(others, key=lambda text: -text.stat().st_mtime)[KEPT - 1 :]:
        old.unlink(missing_ok=True)
