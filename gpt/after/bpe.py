"""Byte-pair encoding by hand: count the pairs of neighbours, merge the most frequent one, and again.

Source: Gage 1994, A New Algorithm for Data Compression; Sennrich et al. 2016, arXiv:1508.07909 (for words); Radford et
al. 2019 (on bytes: GPT-2); Karpathy 2024, Let's build the GPT Tokenizer.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gpt.text.alphabet import bytes_of

Word = tuple[bytes, ...]  # the tokens of a word
Pair = tuple[bytes, bytes]
FEWEST = 2  # occurrences of a pair that is merged


@dataclass(frozen=True)
class Merge:
    """One step: the text's words before it, the counts of their pairs, and the pair that is merged."""

    words: tuple[Word, ...]
    counts: Counter[Pair]
    pair: Pair | None  # None where no pair occurs twice

    @property
    def tokens(self) -> list[bytes]:
        """The tokens of the text, one after another."""
        return [token for word in self.words for token in word]


def split_words(text: str) -> list[Word]:
    """Cut a text into words as GPT-2 does, each as its bytes. No pair reaches over the end of a word.

    >>> split_words("a dog")
    [(b'a',), (b' ', b'd', b'o', b'g')]
    """
    from tokenizers.pre_tokenizers import ByteLevel

    words = ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    return [tuple(bytes([byte]) for byte in bytes_of(word)) for word, _ in words]


def count_pairs(words: Sequence[Word]) -> Counter[Pair]:
    """Count each pair of neighbours, in the order in which they first occur.

    >>> count_pairs([(b"t", b"o"), (b"t", b"o", b"p")])
    Counter({(b't', b'o'): 2, (b'o', b'p'): 1})
    """
    return Counter(pair for word in words for pair in pairwise(word))


def merge(word: Word, pair: Pair) -> Word:
    """Join each occurrence of the pair, from left to right.

    >>> merge((b"a", b"a", b"a", b"b"), (b"a", b"a"))
    (b'aa', b'a', b'b')
    """
    joined: list[bytes] = []
    i = 0
    while i < len(word):
        is_pair = word[i : i + 2] == pair
        joined.append(word[i] + word[i + 1] if is_pair else word[i])
        i += 2 if is_pair else 1
    return tuple(joined)


def merges(words: Sequence[Word], most: int) -> Iterator[Merge]:
    """Yield the words before each of at most `most` merges, and after the last one, whose pair is None there.

    The most frequent pair is merged; of equal ones the one that occurs first. A pair occurs at least twice.
    """
    for _ in range(most):
        counts = count_pairs(words)
        pair = max(counts, key=counts.__getitem__, default=None)
        if pair is None or counts[pair] < FEWEST:
            break
        yield Merge(tuple(words), counts, pair)
        words = [merge(word, pair) for word in words]
    yield Merge(tuple(words), count_pairs(words), None)
