"""Who a person is: a signed cookie names them, a shared file in the runs folder has their name and role.

A server that only this machine reaches asks nobody: whoever uses it may do everything.
"""

import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal

import streamlit as st
from itsdangerous import BadSignature, Signer
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import state
from explorer.places import is_read_only, runs_folder
from explorer.shared.shared_file import changing, read_shared

COOKIE = "attention-explorer-person"
CODE = "ATTENTION_EXPLORER_TEACHER_CODE"  # the code itself
CODE_FILE = "ATTENTION_EXPLORER_TEACHER_CODE_FILE"  # a file that has it in its first line
HOME = {"localhost", "127.0.0.1", "::1"}  # addresses that only this machine reaches
ID = re.compile(r"[A-Za-z0-9_-]{22}")
LONGEST_NAME = 40  # characters
SHORTEST_CODE, LONGEST_CODE = 6, 1_000  # characters
WRONG_CODES, PER_SECONDS = 10, 60.0  # of the whole server; more are refused
PAUSE = 0.5  # seconds that a wrong code takes

_wrong: deque[float] = deque()  # when wrong codes were typed
_own_secret = secrets.token_hex(32)  # where the runs folder cannot be written
_typing = threading.Lock()


@dataclass(frozen=True)
class Person:
    """A person. id: of their cookie; empty for whoever uses the app on its own machine."""

    id: str
    name: str = ""
    is_teacher: bool = False

    @property
    def role(self) -> Literal["teacher", "student", "visitor"]:
        """A visitor looks and types, a student also trains, a teacher may do everything."""
        return "teacher" if self.is_teacher else "student" if self.name else "visitor"


HOST = Person("", "whoever runs this server", is_teacher=True)


def is_shared() -> bool:
    """Whether other machines reach this server."""
    return not {st.get_option("server.address"), *st.get_option("server.allowedHosts")} <= HOME


def current() -> Person:
    """Return the person of this session; `HOST` where the server is not shared, a visitor outside a session."""
    if not is_shared():
        return HOST
    if get_script_run_ctx() is None:
        return Person(id="none")
    id = read_cookie(st.context.cookies.get(COOKIE, "")) or state.recall("person")
    if id is None:
        id = new_id()  # a browser without cookies: for this session only
    state.remember("person", id)
    entry = _entry(id)
    try:
        code = teacher_code()
    except ValueError:  # the menu says what is wrong with it
        code = ""
    is_teacher = bool(code) and hmac.compare_digest(entry.get("teacher", ""), _proof(code))
    return Person(id, entry.get("name", ""), is_teacher)


def set_name(person: Person, name: str) -> None:
    """Give the person a name. Raises ValueError for a bad name, or one that another person has."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"{name!r} is no name; use 1 to {LONGEST_NAME} letters")
    taken = {entry.get("name", "").casefold() for id, entry in _people().items() if id != person.id}
    if name.casefold() in taken:
        raise ValueError(f"somebody here is called {name!r} already; add a letter of your family name")
    _change(person.id, name=name)


def name_now(person: Person) -> str:
    """Return the name that a person has now; the one given where this server does not know the person."""
    return (person.id and _entry(person.id).get("name")) or person.name


def become_teacher(person: Person, code: str) -> None:
    """Make the person a teacher if the code is right. Raises ValueError if it is wrong, or too many were.

    The code is compared in constant time. After `WRONG_CODES` wrong ones within a minute, all are refused.
    """
    right = teacher_code()
    with _typing:
        while _wrong and time.monotonic() - _wrong[0] > PER_SECONDS:
            _wrong.popleft()
        if len(_wrong) >= WRONG_CODES:
            raise ValueError("too many wrong codes; wait a minute")
        if not right or not hmac.compare_digest(code.strip().encode(), right.encode()):
            _wrong.append(time.monotonic())
            time.sleep(PAUSE)
            raise ValueError("this is not the teacher's code")
    _change(person.id, teacher=_proof(right))


def leave(person: Person) -> None:
    """Make a teacher a student or a visitor again."""
    _change(person.id, teacher="")


def teacher_code() -> str:
    """Return the code of the environment, or of the file that it names; empty where there is none.

    Raises ValueError for a code that is too short, or a file that cannot be read.
    """
    code, file = os.environ.get(CODE, ""), os.environ.get(CODE_FILE)
    if file:
        try:
            with open(file, encoding="utf-8") as lines:
                code = lines.readline(LONGEST_CODE)
        except (OSError, UnicodeError) as error:
            raise ValueError(f"the teacher's code cannot be read from {file!r}: {error}") from error
    code = code.strip()
    if code and len(code) < SHORTEST_CODE:
        raise ValueError(f"the teacher's code has {len(code)} characters; use at least {SHORTEST_CODE}")
    return code


def new_id() -> str:
    """Return the id of a new person: 128 random bits."""
    return secrets.token_urlsafe(16)


def write_cookie(id: str) -> str:
    """Return the cookie of a person: the id and its signature."""
    return _signer().sign(id).decode()


def read_cookie(value: str) -> str | None:
    """Return the id in a cookie, or None where this server did not sign it."""
    try:
        id = _signer().unsign(value).decode()
    except (BadSignature, UnicodeError):
        return None
    return id if ID.fullmatch(id) else None


def _signer() -> Signer:
    return Signer(_secret(), salt=COOKIE)


def _secret() -> str:
    """Return the key of this runs folder, the same for all servers that share it. Nobody else can read it.

    Where the folder cannot be written, or this server only shows, it is a key of this process.
    """
    file = runs_folder() / ".secret"
    try:
        if not file.exists():
            if is_read_only():
                return _own_secret
            _create(file, secrets.token_hex(32))
        return file.read_text(encoding="ascii")
    except OSError:
        return _own_secret


def _create(file: Path, content: str) -> None:
    """Write a file that only its owner can read. It appears whole; where another server was faster, theirs stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="ascii", dir=file.parent, prefix=".secret-") as new:  # its mode is 0600
        new.write(content)
        new.flush()
        with suppress(FileExistsError):
            os.link(new.name, file)


def _proof(code: str) -> str:
    """Return what the file keeps of a right code: it is worth nothing once the code is another one."""
    return hmac.digest(_secret().encode(), code.encode(), hashlib.sha256).hex()


def _file() -> Path:
    return runs_folder() / ".people.json"


def _people() -> dict[str, dict[str, Any]]:
    content = read_shared(_file())
    return content if isinstance(content, dict) else {}


def _entry(id: str) -> dict[str, str]:
    entry = _people().get(id)
    return {key: value for key, value in entry.items() if isinstance(value, str)} if isinstance(entry, dict) else {}


def _change(id: str, **values: str) -> None:
    from gpt.train.files import write_json

    with changing(_file()):
        people = _people()
        write_json(_file(), people | {id: _entry(id) | values})
