"""The tokenizer.json of an exported model gives the ids of our tokenizer, and the text back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from gpt import BPETokenizer, CharTokenizer
from gpt.checkpoints.tokenizer import to_library, write_tokenizer
from gpt.text.hf_tokenizer import HFTokenizer, read_tokenizer

ALPHABET = CharTokenizer("\t\n\r !'abé́ñ中😀\u200d\u00a0")
TRAINED = BPETokenizer.train(Path("README.md").read_text(encoding="utf-8"), 600)
WRITTEN = to_library(TRAINED)
WORDS = st.lists(st.sampled_from([*"abet'é😀\n\t 19#", " the", "'ll", " on", "token", "  "])).map("".join)


def tokens_of_merges(pieces: list[bytes]) -> BPETokenizer:
    every = [*(bytes([byte]) for byte in range(256)), *dict.fromkeys(pieces)]
    return BPETokenizer("made", {piece: rank for rank, piece in enumerate(every)})


@given(st.text(alphabet=ALPHABET.alphabet))
def test_characters(text):
    library = to_library(ALPHABET)
    assert library.encode(text).ids == ALPHABET.encode(text)
    assert library.decode(ALPHABET.encode(text)) == text


def test_an_unknown_character_is_an_error_there_too():
    with pytest.raises(Exception, match="UNK"):
        to_library(ALPHABET).encode("x")


@given(WORDS | st.text())
def test_trained_byte_pairs(text):
    assert WRITTEN.encode(text).ids == TRAINED.encode(text)
    assert WRITTEN.decode(TRAINED.encode(text)) == text


@given(st.lists(st.binary(min_size=2, max_size=5).map(lambda raw: bytes(97 + byte % 2 for byte in raw))), st.data())
def test_any_ranks(pieces, data):
    made = tokens_of_merges(pieces)
    library = to_library(made)
    for text in data.draw(st.lists(st.text(alphabet="ab", max_size=20), max_size=5)):
        assert library.encode(text).ids == made.encode(text)


def test_words_are_cut_alike_at_characters_of_all_kinds():
    """With a token for each two bytes, the tokens show where a text was cut. Every 97th character is tried."""
    pairs = tokens_of_merges([bytes([first, second]) for first in range(256) for second in range(256)])
    library = to_library(pairs)
    for character in (chr(code) for code in range(0, 0x110000, 97) if not 0xD800 <= code < 0xE000):
        text = f"a{character}1{character} {character}?{character}"
        assert library.encode(text).ids == pairs.encode(text)


@pytest.mark.parametrize("tokenizer", [ALPHABET, TRAINED], ids=["characters", "byte pairs"])
def test_transformers_and_we_open_it(tmp_path, tokenizer):
    write_tokenizer(tokenizer, tmp_path, block_size=32)
    text = "a b  ab\n é!😀 'a"
    opened = AutoTokenizer.from_pretrained(tmp_path)
    assert opened(text)["input_ids"] == tokenizer.encode(text) and opened.decode(tokenizer.encode(text)) == text
    assert opened.vocab_size == tokenizer.vocab_size and opened.model_max_length == 32
    ours = read_tokenizer(tmp_path, "gpt2")
    assert ours is not None and ours.encode(text) == tokenizer.encode(text) and ours.decode(ours.encode(text)) == text
    assert ours.tokens(ours.encode(text)) == tokenizer.tokens(tokenizer.encode(text))


def test_one_from_elsewhere_is_written_as_it_came():
    elsewhere = HFTokenizer.from_library(WRITTEN)
    assert to_library(elsewhere).to_str() == WRITTEN.to_str()
