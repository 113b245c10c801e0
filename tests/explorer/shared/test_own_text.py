"""The person's own text on the server: one a session, found again by its id; uploads held one at a time."""

import os

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from explorer import state
from explorer.shared import own_text
from explorer.shared.uploads import hold_one
from gpt.text.corpus import CorpusError
from tests.full_disk import full_disk

TEXT = 20 * b"round and round it goes, and "


@pytest.fixture(autouse=True)
def session(tmp_path, monkeypatch):
    """One session's memory, without a browser."""
    choices = {}
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(state, "read_choice", choices.get)
    monkeypatch.setattr(state, "write_choices", choices.update)
    monkeypatch.setattr(state, "recall", lambda name, default=None: choices.get(f"kept {name}", default))
    monkeypatch.setattr(state, "remember", lambda name, value: choices.update({f"kept {name}": value}))
    return choices


def test_a_text_is_found_by_its_id_and_the_next_takes_its_place(session):
    assert own_text.kept() is None and own_text.pasted() == ""
    own_text.keep("notes.txt", TEXT)
    first = session["own-text"]
    assert (own_text.kept().name, own_text.kept().text) == ("notes.txt", TEXT.decode()) and own_text.pasted() == ""
    own_text.keep(own_text.PASTED, TEXT)
    assert session["own-text"] != first and own_text.pasted() == TEXT.decode()
    session["own-text"] = first
    assert own_text.kept().name == "notes.txt"
    own_text.forget()
    assert own_text.kept() is None


def test_few_texts_are_kept(tmp_path):
    for i in range(own_text.KEPT + 5):
        own_text.keep(f"{i}.txt", TEXT)
    assert len(list((tmp_path / "runs" / ".texts").iterdir())) == own_text.KEPT and own_text.kept().name == f"{i}.txt"


def test_a_new_text_is_kept_where_the_clock_went_back(tmp_path):
    for i in range(own_text.KEPT):
        own_text.keep(f"{i}.txt", TEXT)
    texts = tmp_path / "runs" / ".texts"
    for text in texts.iterdir():
        os.utime(text, (4e9, 4e9))  # seconds since 1970: in the year 2096
    own_text.keep("new.txt", TEXT)
    assert len(list(texts.iterdir())) == own_text.KEPT and own_text.kept().name == "new.txt"


@pytest.mark.parametrize("most", [0, 50])
def test_on_a_full_disk_the_session_keeps_the_text_and_no_half_of_it_stays(session, tmp_path, most):
    with full_disk(most):
        own_text.keep("notes.txt", TEXT)
    assert own_text.kept().name == "notes.txt" and not list((tmp_path / "runs" / ".texts").iterdir())


@pytest.mark.parametrize("known", ["", "../../etc/passwd", "x", "0" * 16, "/etc/passwd", "0" * 17, "..", "\0"])
def test_an_id_that_is_none_names_no_text(session, known):
    session["own-text"] = known
    assert own_text.kept() is None


def test_a_text_that_cannot_be_used_says_why_and_stays(session):
    own_text.keep(own_text.PASTED, b"short")
    with pytest.raises(CorpusError, match="5 characters"):
        own_text.kept()
    assert own_text.pasted() == "short"


def test_where_nothing_can_be_written_the_session_keeps_it(tmp_path, monkeypatch):
    (tmp_path / "runs").write_text("no folder")
    own_text.keep("notes.txt", TEXT)
    assert own_text.kept().text == TEXT.decode()
    assert os.listdir(tmp_path) == ["runs"]


def test_a_session_holds_the_last_of_its_uploads():
    manager = MemoryUploadedFileManager("/upload")
    hold_one(manager)
    for session_id in ("a", "b"):
        for i in range(9):
            manager.add_file(session_id, UploadedFileRec(str(i), "x.txt", "text/plain", bytes(1000)))
    assert {session_id: list(files) for session_id, files in manager.file_storage.items()} == {"a": ["8"], "b": ["8"]}
