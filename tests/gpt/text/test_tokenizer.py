import base64
import json
import random
from collections import Counter
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel

from gpt import BPETokenizer, CharTokenizer, UnknownCharacterError
from gpt.text import alphabet
from gpt.text import tokenizer as tokenizers
from gpt.text.tokenizer import tokenizer_from_dict

ALPHABET = "\n !,.:abcXYZ·é🙂"
TEXT = "low low low low low lower lower newest newest newest newest newest newest widest widest widest"
many = settings(max_examples=100, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def bpe() -> BPETokenizer:
    return BPETokenizer.train(TEXT, 270)


@many
@given(st.text(ALPHABET))
def test_characters_round_trip(text):
    tokenizer = CharTokenizer("".join(sorted(ALPHABET)))
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.tokens(ids) == list(text)
    assert b"".join(tokenizer.token_bytes(ids)) == text.encode()
    assert all(0 <= i < tokenizer.vocab_size == len(ALPHABET) for i in ids)


@many
@given(st.text())
def test_any_text_round_trips_through_bytes(bpe, text):
    ids = bpe.encode(text)
    assert bpe.decode(ids) == text
    assert b"".join(bpe.token_bytes(ids)) == text.encode()
    assert all(0 <= i < bpe.vocab_size for i in ids)


@many
@given(st.text(st.characters(max_codepoint=127)))
def test_tokens_of_ascii_join_to_the_text(bpe, text):
    assert "".join(bpe.tokens(bpe.encode(text))) == text


def test_ids_follow_the_sorted_alphabet():
    tokenizer = CharTokenizer.from_text("hello there")
    assert tokenizer.alphabet == " ehlort" and tokenizer.vocab_size == 7
    assert tokenizer.encode("hello") == [2, 1, 3, 3, 4]


def test_unknown_characters_are_named_each_once():
    tokenizer = CharTokenizer.from_text("abc")
    assert tokenizer.unknown("xaby🙂x") == ["x", "y", "🙂"]
    with pytest.raises(UnknownCharacterError, match="'x', 'y', '🙂': not in this model's alphabet") as caught:
        tokenizer.encode("xaby🙂x")
    assert caught.value.characters == ["x", "y", "🙂"]
    with pytest.raises(UnknownCharacterError, match="and more"):
        tokenizer.encode("defghijklmnop")


def test_a_known_character_may_stand_in_for_unknown_ones():
    tokenizer = CharTokenizer.from_text("abc")
    assert tokenizer.decode(tokenizer.encode("axbé", replace="c")) == "acbc"
    for stand_in in ("x", "", "ab"):
        with pytest.raises(UnknownCharacterError):
            tokenizer.encode("x", replace=stand_in)


def test_merges_by_hand():
    """Pairs of TEXT, each word with the space before it.

    " low" and "est" come out whole, " widest" does not in few merges.

    e-s occurs 9 times, then es-t; the rest follows the counts: l-o and o-w, n-e and e-w, and so on.
    """
    tokenizer = BPETokenizer.train(TEXT, 258)
    assert tokenizer.tokens([256, 257]) == ["es", "est"]
    assert tokenizer.tokens(tokenizer.encode("newest")) == ["n", "e", "w", "est"]
    assert BPETokenizer.train("aaabdaaabac" * 2, 257).tokens([256]) == ["aa"]


def naive_merges(text: str, count: int) -> list[bytes]:
    """The textbook algorithm, slow.

    Count every pair, merge the commonest (of several the one with the lowest ids), again and again.
    """
    words = [alphabet.bytes_of(word) for word, _ in ByteLevel(add_prefix_space=False).pre_tokenize_str(text)]
    cuts = [
        word[i : i + tokenizers.LONGEST_WORD] for word in words for i in range(0, len(word), tokenizers.LONGEST_WORD)
    ]
    vocabulary = [bytes([byte]) for _, byte in sorted(alphabet.BYTE_OF.items())]
    rows = [[vocabulary.index(bytes([byte])) for byte in cut] for cut in cuts]
    for _ in range(count):
        counts = Counter(pair for row in rows for pair in pairwise(row))
        pair = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if pair is None or counts[pair] < 2:
            break
        rows = [merged(row, pair, len(vocabulary)) for row in rows]
        vocabulary.append(vocabulary[pair[0]] + vocabulary[pair[1]])
    return vocabulary[256:]


def merged(row: list[int], pair: tuple[int, int], token: int) -> list[int]:
    found = []
    for i in row:
        if found and (found[-1], i) == pair:
            found[-1] = token
        else:
            found.append(i)
    return found


@many
@given(st.text("ab c1\né", max_size=80), st.integers(0, 12))
def test_training_is_the_textbook_algorithm(text, merges):
    trained = BPETokenizer.train(text, 256 + merges)
    assert trained.token_bytes(range(256, trained.vocab_size)) == naive_merges(text, merges)


@pytest.mark.parametrize(
    "text", ["^" * 2500, "0123456789" * 260, "é" * 1201, "".join(random.Random(0).choices("0123456789", k=3100))]
)
def test_training_cuts_long_words(text):
    trained = BPETokenizer.train(text, 270)
    assert trained.token_bytes(range(256, trained.vocab_size)) == naive_merges(text, 14)
    assert trained.decode(trained.encode(text)) == text


@pytest.mark.parametrize(
    "text", ["^" * 10**6, "".join(random.Random(0).choices("0123456789", k=10**6))], ids=["^", "digits"]
)
def test_a_text_without_breaks_trains_in_reasonable_time(text):
    """A second; before words were cut, many minutes: longer than the timeout of a test."""
    trained = BPETokenizer.train(text, 512)
    assert trained.decode(trained.encode(text)) == text


def test_more_merges_make_fewer_tokens():
    lengths = [len(BPETokenizer.train(TEXT, size).encode(TEXT)) for size in (256, 260, 270)]
    assert lengths[0] == len(TEXT) and lengths == sorted(lengths, reverse=True) and len(set(lengths)) == 3


def test_a_text_that_offers_no_more_merges_ends_early():
    assert BPETokenizer.train("abab", 10_000).vocab_size == 257


def test_less_than_all_bytes_is_refused():
    with pytest.raises(ValueError, match="vocab_size=255 is less than the 256 single bytes"):
        BPETokenizer.train(TEXT, 255)


def test_part_of_a_character_shows_its_bytes(bpe):
    ids = bpe.encode("é🙂")
    assert bpe.tokens(ids) == ["\\xc3", "\\xa9", "\\xf0", "\\x9f", "\\x99", "\\x82"]
    assert bpe.decode(ids[:1]) == "�"


@pytest.mark.parametrize("blank", [" ", "\n", "\t \n"])
def test_endless_white_space_has_tokens(bpe, blank):
    text = "low" + blank * (1_500_000 // len(blank)) + "low"
    assert bpe.decode(bpe.encode(text)) == text


def test_only_endless_white_space_is_cut():
    assert tokenizers._cut_long_blanks("a b\n" * 100_000) == ["a b\n" * 100_000]
    pieces = tokenizers._cut_long_blanks("a" + " " * 250_000 + "b")
    assert [len(piece) for piece in pieces] == [100_001, 100_000, 50_001]


def test_half_characters_are_no_crash(bpe):
    assert bpe.decode(bpe.encode("a\ud800b")) == "a�b"
    with pytest.raises(ValueError, match="lone surrogate"):
        CharTokenizer("a\ud800")


@pytest.mark.parametrize("kind", ["char", "bpe"])
@pytest.mark.parametrize("wrong", [-1, 10_000])
def test_an_id_outside_the_vocabulary_is_refused(bpe, kind, wrong):
    tokenizer = CharTokenizer(ALPHABET) if kind == "char" else bpe
    for read in (tokenizer.decode, tokenizer.tokens, tokenizer.token_bytes):
        with pytest.raises(ValueError, match=f"no token {wrong}: ids go from 0 to {tokenizer.vocab_size - 1}"):
            read([0, wrong])


def test_ids_may_come_as_a_tensor(bpe):
    for tokenizer in (CharTokenizer.from_text("low "), bpe):
        assert tokenizer.decode(torch.tensor(tokenizer.encode("low low"))) == "low low"


@pytest.mark.parametrize("alphabet", ["", "aba"])
def test_an_alphabet_has_each_character_once(alphabet):
    with pytest.raises(ValueError, match="each character once, and at least one"):
        CharTokenizer(alphabet)


def test_dicts_survive_json(bpe):
    for tokenizer in (CharTokenizer("".join(sorted(ALPHABET))), bpe):
        again = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
        assert type(again) is type(tokenizer) and again.to_dict() == tokenizer.to_dict()
        text = "abc, XYZ"
        assert again.encode(text) == tokenizer.encode(text)


def _encoded(*tokens: bytes) -> list[str]:
    return [base64.b64encode(token).decode() for token in tokens]


BYTES = [bytes([i]) for i in range(256)]


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        "char",
        5,
        {},
        {"kind": "char"},
        {"kind": "words"},
        {"kind": ["char"]},
        {"kind": "char", "alphabet": None},
        {"kind": "char", "alphabet": ["ab", "c"]},
        {"kind": "char", "alphabet": {"a": 1}},
        {"kind": "char", "alphabet": ""},
        {"kind": "char", "alphabet": "aa"},
        {"kind": "char", "alphabet": "\ud800"},
        {"kind": "bpe", "name": "x"},
        {"kind": "bpe", "name": "x", "tokens": 3},
        {"kind": "bpe", "name": "x", "tokens": [1, 2]},
        {"kind": "bpe", "name": "x", "tokens": ["é"]},
        {"kind": "bpe", "name": "x", "tokens": ["a"]},
        {"kind": "bpe", "name": "x", "tokens": _encoded(*BYTES[:-1])},
        {"kind": "bpe", "name": "x", "tokens": _encoded(*BYTES, b"ab", b"ab")},
        {"kind": "bpe", "name": "x", "tokens": _encoded(*BYTES, b"")},
        {"kind": "bpe", "name": 5, "tokens": _encoded(*BYTES)},
    ],
)
def test_a_damaged_dict_is_refused(damaged):
    with pytest.raises(ValueError):
        tokenizer_from_dict(damaged)


def test_gpt2_without_a_network_says_so(monkeypatch, tmp_path):
    import requests

    def refuse(*args, **kwargs):
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(requests, "get", refuse)
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(ValueError, match=r"cannot be downloaded now.*TIKTOKEN_CACHE_DIR"):
        BPETokenizer.gpt2()
