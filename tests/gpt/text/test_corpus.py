from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.text.corpus import CORPORA, MAX_BYTES, Corpus, CorpusError, corpus_from_bytes, load_corpus, truly_named

OWN = "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\n" * 2

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
    assert [truly_named(corpus).name for corpus in (load_corpus("sorting"), Corpus("sorting", OWN, "me"),
        Corpus("mine", OWN, "me"))] == [
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
