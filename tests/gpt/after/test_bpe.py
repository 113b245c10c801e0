"""Byte-pair encoding by hand: known answers, and the trained tokenizer of gpt.text."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gpt import BPETokenizer, load_corpus
from gpt.after.bpe import count_pairs, merge, merges, split_words


def letters(word: str) -> tuple[bytes, ...]:
    return tuple(bytes([byte]) for byte in word.encode())


def pairs_of(steps) -> list[str]:
    return [b"".join(step.pair).decode() for step in steps if step.pair]


def test_gages_example_has_five_tokens_after_three_merges():
    *steps, last = merges([letters("aaabdaaabac")], 3)
    assert pairs_of(steps)[0] == "aa" and len(steps) == 3
    assert last.tokens == [b"aaab", b"d", b"aaab", b"a", b"c"] and last.pair is None


def test_sennrichs_example_merges_est_and_low():
    counted = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    words = [letters(word) for word, count in counted.items() for _ in range(count)]
    first = next(merges(words, 1))
    assert first.counts[b"e", b"s"] == 9 and first.counts[b"l", b"o"] == 7
    assert pairs_of(merges(words, 4)) == ["es", "est", "lo", "low"]


@given(st.text(max_size=60))
def test_tokens_are_the_texts_bytes_after_any_merge(text):
    for step in merges(split_words(text), 10):
        assert b"".join(step.tokens) == text.encode()
        assert step.pair is None or step.counts[step.pair] == max(step.counts.values()) >= 2


def test_each_trained_token_joins_a_most_frequent_pair():
    text = load_corpus("tinyshakespeare").text[:3000]
    tokenizer = BPETokenizer.train(text, 256 + 40)
    words = split_words(text)
    for token in tokenizer.token_bytes(range(256, tokenizer.vocab_size)):
        counts: Counter = count_pairs(words)
        pair = max((pair for pair in counts if b"".join(pair) == token), key=counts.__getitem__)
        assert counts[pair] == max(counts.values()), token
        words = [merge(word, pair) for word in words]
    assert sum(map(len, words)) == len(tokenizer.encode(text))
