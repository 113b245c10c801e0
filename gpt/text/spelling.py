"""Which bytes of a text each token spells, so that models with different tokens can be compared on the same text."""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

# A word with the white space before it, punctuation with the white space before it, or white space at the end.
WORD = re.compile(r"\s*\w+(?:['’-]\w+)*|\s*[^\w\s]+|\s+")


def token_ends(pieces: Sequence[bytes], text: str) -> Tensor:
    """Return where each token ends in the UTF-8 of `text`, in bytes: (N,) int64.

    pieces: the bytes of each token. They spell the text, apart from a space that SentencePiece puts in front, and from
    unknown characters, each read as another one. Raises ValueError if they spell anything else.
    """
    read = b"".join(pieces).decode("utf-8", errors="replace")
    prefix = int(len(read) == len(text) + 1 and read.startswith(" "))
    read = read[prefix:]
    if len(read) != len(text):
        raise ValueError(
            f"the tokens spell {len(read)} characters and the text has {len(text)}; give the tokens of this text"
        )
    ends = (torch.tensor([len(piece) for piece in pieces], dtype=torch.long).cumsum(0) - prefix).clamp_min(0)
    if read == text:
        return ends
    read_starts, text_starts = _character_starts(read), _character_starts(text)
    characters = torch.searchsorted(read_starts, ends, right=True) - 1
    return text_starts[characters] + ends - read_starts[characters]


def token_starts(ends: Tensor) -> Tensor:
    """Return where each token starts. ends: (N,) from `token_ends`."""
    return torch.cat((ends.new_zeros(1), ends))[:-1]


def shared_start(*ends: Tensor) -> int:
    """Return the first byte after 0 at which every tokenization of a text begins a token, or the text ends.

    What comes before it is the same context for every model, and what comes after it the same bytes to predict.
    ends: (N,) each, from `token_ends`. Returns 0 for an empty text.
    """
    return min(set.intersection(*(set(each.tolist()) - {0} for each in ends)), default=0)


def character_widths(text: str) -> Tensor:
    """Return the number of UTF-8 bytes of each character: (len(text),) int64."""
    return torch.tensor([len(character.encode()) for character in text], dtype=torch.long)


def shared_words(text: str, *ends: Tensor) -> list[str]:
    """Cut a text into words, with the white space before them, so that each token is in one word.

    ends: (N,) each, from `token_ends`. Two words that one token spells together are one word here.

    >>> shared_words("to be, or", torch.tensor([2, 5, 6, 9]))
    ['to', ' be', ',', ' or']
    """
    cuts = set.intersection(*(set(each.tolist()) for each in ends))
    words, word, at = [], "", 0
    for found in WORD.findall(text):
        word += found
        at += len(found.encode())
        if at in cuts:
            words.append(word)
            word = ""
    return words


def words_of_tokens(words: Sequence[str], ends: Tensor) -> Tensor:
    """Return the index of the word that each token is a part of: (N,) int64. words: from `shared_words`."""
    word_ends = torch.tensor([len(word.encode()) for word in words], dtype=torch.long).cumsum(0)
    return torch.searchsorted(word_ends, ends)


def _character_starts(text: str) -> Tensor:
    """Return where each character starts in the UTF-8, and where the last one ends: (len(text) + 1,)."""
    return torch.cat((torch.zeros(1, dtype=torch.long), character_widths(text).cumsum(0)))
