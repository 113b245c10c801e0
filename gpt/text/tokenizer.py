"""Text to token ids and back: by character, by byte-pair encoding, or as another library's tokenizer does it.

Every tokenizer has `.vocab_size`, `.encode(text) -> list[int]`, `.decode(ids) -> str`, `.tokens(ids) -> list[str]` (one
string per token, for labels), `.token_bytes(ids) -> list[bytes]` and `.to_dict()`, which `tokenizer_from_dict` reads
back. Source: lecture 00:09:28.
"""

import base64
import re
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from typing import Any

from gpt.text.alphabet import UnknownCharacterError, bytes_of, check_ids, read_labels
from gpt.text.hf_tokenizer import HFTokenizer

# How GPT-2 cuts text before merging: contractions, words, numbers, the rest, white space (Radford et al. 2019).
GPT2_PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
LONGEST_WORD = 1000  # bytes; training takes the square of a word's length, so longer ones are cut for it
LONGEST_BLANK = 100_000  # characters; tiktoken's stack overflows on about a million of white space at a stretch


class CharTokenizer:
    """One token per character; ids follow the sorted alphabet."""

    kind = "char"

    def __init__(self, alphabet: str) -> None:
        if type(alphabet) is not str or not alphabet or len(set(alphabet)) != len(alphabet):
            raise ValueError(f"the alphabet must hold each character once, and at least one; got {alphabet!r}")
        if any("\ud800" <= character <= "\udfff" for character in alphabet):
            raise ValueError("the alphabet holds half a character (a lone surrogate); save the text as UTF-8 again")
        self.alphabet = alphabet
        self._ids = {character: i for i, character in enumerate(alphabet)}

    @classmethod
    def from_text(cls, text: str) -> "CharTokenizer":
        """Make a tokenizer with the alphabet of the text. Raises ValueError for an empty text."""
        return cls("".join(sorted(set(text))))

    @property
    def vocab_size(self) -> int:
        return len(self.alphabet)

    def unknown(self, text: str) -> list[str]:
        """Return the characters of `text` that have no id, each once, in order of appearance."""
        return [c for c in dict.fromkeys(text) if c not in self._ids]

    def encode(self, text: str, replace: str | None = None) -> list[int]:
        """Return the ids of the characters. `replace`: a known character that replaces unknown ones.

        Raises UnknownCharacterError if a character has no id and `replace` is not given.
        """
        unknown = self.unknown(text)
        stand_in = None if replace is None else self._ids.get(replace)
        if unknown and stand_in is None:
            raise UnknownCharacterError(unknown)
        ids = (self._ids.get(character, stand_in) for character in text)
        return [i for i in ids if i is not None]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids. Raises ValueError for an id outside 0 … vocab_size − 1."""
        return "".join(self.tokens(ids))

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return one string per token."""
        ids = list(ids)
        check_ids(ids, self.vocab_size)
        return [self.alphabet[i] for i in ids]

    def token_bytes(self, ids: Iterable[int]) -> list[bytes]:
        """Return the UTF-8 of each token."""
        return [token.encode() for token in self.tokens(ids)]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"kind": self.kind, "alphabet": self.alphabet}


class BPETokenizer:
    """Byte-pair encoding by tiktoken: every text has tokens, since every byte is one.

    Source: Sennrich et al. 2016, arXiv:1508.07909.
    """

    kind = "bpe"

    def __init__(self, name: str, ranks: dict[bytes, int]) -> None:
        import tiktoken

        numbered = sorted(ranks.values()) == list(range(len(ranks)))
        if type(name) is not str or not numbered or b"" in ranks or any(bytes([b]) not in ranks for b in range(256)):
            raise ValueError(
                f"the BPE {name!r} is damaged: it must have a name, number its tokens from 0, and hold all 256 "
                "single bytes"
            )
        self.name = name
        self._ranks = ranks
        self._encoding = tiktoken.Encoding(name, pat_str=GPT2_PATTERN, mergeable_ranks=ranks, special_tokens={})

    @classmethod
    def train(cls, text: str, vocab_size: int = 512, name: str = "trained") -> "BPETokenizer":
        """Merge the most frequent pairs of `text` until there are `vocab_size` tokens, or no pair is left.

        A pair counts within a word, as GPT2_PATTERN cuts words, and within each LONGEST_WORD bytes of a longer word.
        Raises ValueError for less than 256, the single bytes.
        """
        from tokenizers import ByteLevelBPETokenizer
        from tokenizers.pre_tokenizers import ByteLevel, FixedLength, Sequence

        if vocab_size < 256:
            raise ValueError(f"vocab_size={vocab_size} is less than the 256 single bytes; give 256 or more")
        trained = ByteLevelBPETokenizer()
        trained.pre_tokenizer = Sequence([ByteLevel(add_prefix_space=False), FixedLength(LONGEST_WORD)])
        trained.train_from_iterator([text], vocab_size=vocab_size, min_frequency=2, show_progress=False)
        by_id = sorted(trained.get_vocab().items(), key=lambda item: item[1])
        return cls(name, {bytes_of(token): rank for rank, (token, _) in enumerate(by_id)})

    @classmethod
    def gpt2(cls) -> "BPETokenizer":
        """Return GPT-2's own vocabulary, which tiktoken downloads once, checks and caches.

        Raises ValueError if they are not cached and cannot be downloaded.
        """
        import requests
        import tiktoken

        try:
            encoding = tiktoken.get_encoding("gpt2")
            tokens = encoding.token_byte_values()  # without the special ones
            return cls("gpt2", {token: encoding.encode_single_token(token) for token in tokens})
        except (OSError, requests.RequestException) as error:
            raise ValueError(
                "GPT-2's vocabulary is not on this machine and cannot be downloaded now. Connect once, or point "
                f"TIKTOKEN_CACHE_DIR at a folder that has it ({type(error).__name__})."
            ) from error

    @cached_property
    def vocab_size(self) -> int:
        return len(self._ranks)

    def unknown(self, text: str) -> list[str]:
        """Return no character: bytes can write all of them."""
        return []

    def encode(self, text: str, replace: str | None = None) -> list[int]:
        """Return the ids of the tokens; `replace` is for tokenizers with fewer characters."""
        return [token for piece in _cut_long_blanks(text) for token in self._encoding.encode_ordinary(piece)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; bytes that form no character become �.

        Raises ValueError for an id outside the vocabulary.
        """
        ids = list(ids)
        check_ids(ids, self.vocab_size)
        return self._encoding.decode(ids)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return one string per token; a token that is part of a character is written as its bytes, such as \\xe2."""
        return read_labels(self.token_bytes(ids))

    def token_bytes(self, ids: Iterable[int]) -> list[bytes]:
        """Return the bytes of each token; together they are the UTF-8 of the text."""
        ids = list(ids)
        check_ids(ids, self.vocab_size)
        return self._encoding.decode_tokens_bytes(ids)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON object: the tokens by rank, in base64."""
        by_rank = sorted(self._ranks, key=self._ranks.__getitem__)
        return {"kind": self.kind, "name": self.name, "tokens": [base64.b64encode(token).decode() for token in by_rank]}


Tokenizer = CharTokenizer | BPETokenizer | HFTokenizer


def tokenizer_from_dict(data: dict[str, Any]) -> Tokenizer:
    """Return the tokenizer of a `to_dict`. Raises ValueError for anything else."""
    try:
        if data["kind"] == CharTokenizer.kind:
            return CharTokenizer(data["alphabet"])
        if data["kind"] == BPETokenizer.kind:
            return BPETokenizer(
                data["name"], {base64.b64decode(token): rank for rank, token in enumerate(data["tokens"])}
            )
        if data["kind"] == HFTokenizer.kind:
            return HFTokenizer(data["json"], data["vocab_size"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no tokenizer of ours: {error!r}") from error
    raise ValueError(
        f"no tokenizer is of kind {data['kind']!r}; there are {CharTokenizer.kind!r}, {BPETokenizer.kind!r} and "
        f"{HFTokenizer.kind!r}"
    )


def _cut_long_blanks(text: str) -> list[str]:
    """Cut the text into pieces, only within white space that is longer than LONGEST_BLANK."""
    blanks = (blank.span() for blank in re.finditer(r"\s+", text))
    cuts = [cut for start, end in blanks for cut in range(start + LONGEST_BLANK, end, LONGEST_BLANK)]
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
