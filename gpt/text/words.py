"""Compare a sample with the corpus: its words, and the longest run of characters copied from it."""

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, in order; apostrophes and hyphens inside a word belong to it.

    >>> words("O, 'tis she--th'expectant!")
    ['o', 'tis', 'she', "th'expectant"]
    """
    return [word.lower() for word in _WORD.findall(text)]


def whole_words(sample: str) -> list[str]:
    """Return the words of a sample without those that may be cut off at its ends."""
    matches = list(_WORD.finditer(sample))
    return [word[0].lower() for word in matches if word.start() > 0 and word.end() < len(sample)]


def longest_copy(sample: str, corpus: str) -> str:
    """Return the longest run of characters of `sample` that `corpus` has too; the first of several."""
    longest = ""
    for start in range(len(sample)):
        end = start + len(longest) + 1
        while end <= len(sample) and sample[start:end] in corpus:
            longest = sample[start:end]
            end += 1
    return longest
