"""The tokenizer of a model from elsewhere, by Hugging Face's `tokenizers` library.

It has the interface of `gpt.text.tokenizer`. Two kinds are common. A byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM)
writes each byte of a text as a printable character. SentencePiece (Llama 2, Mistral) writes a space as ▁, puts one in
front of the text, and has tokens <0x00> … <0xFF> for bytes without a token. Sources: Radford et al. 2019; Kudo and
Richardson 2018, arXiv:1808.06226.
"""

import json
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library
from tokenizers.models import BPE

from gpt.text.alphabet import BYTE_OF, UnknownCharacterError, bytes_of, check_ids, read_labels
from gpt.text.splitting import SPACE, byte_level_bpe

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
PROBE = "The 1st\n  try"  # a tokenizer that changes this text cannot be read
FILES = ("tokenizer.json", "vocab.json", "merges.txt")
FAMILY_SPLITTING = {"gpt2": "gpt-2", "gpt_neox": "gpt-2", "qwen2": "qwen2", "qwen3": "qwen2"}  # model_type → name


class HFTokenizer:
    """A tokenizer from a tokenizer.json.

    `encode` adds no special tokens, and reads special tokens in a text as plain text. Unicode normalization is left
    out, so the bytes of the tokens are the bytes of the text.
    """

    kind = "hf"

    def __init__(self, written: str, vocab_size: int | None = None) -> None:
        """written: the text of a tokenizer.json. vocab_size: of the model, which may have more rows than tokens.

        Raises ValueError if this is no tokenizer.json, it changes the text, or the model lacks some of its tokens.
        """
        try:
            values = json.loads(written)
            if (values.get("normalizer") or {}).get("type") == "NFC":
                values["normalizer"] = None
            self._library = Library.from_str(json.dumps(values))
        except Exception as error:  # the library raises no other type
            raise ValueError(f"the tokenizer.json is damaged or not known: {error}") from error
        self._library.no_truncation()
        self._library.no_padding()
        self._library.encode_special_tokens = True
        self._written = written
        self._style = _style_of(values)
        self._added = {number: token for number, token in self._library.get_added_tokens_decoder().items()}
        self._vocabulary = self._library.get_vocab(with_added_tokens=True)
        self.vocab_size = vocab_size or max(self._vocabulary.values()) + 1
        self._check()

    @classmethod
    def from_library(cls, library: Library, vocab_size: int | None = None) -> "HFTokenizer":
        """Make a tokenizer from one of the `tokenizers` library."""
        return cls(library.to_str(), vocab_size)

    def unknown(self, text: str) -> list[str]:
        """Return the characters of `text` that have no tokens, each once, in order of appearance."""
        return [character for character in dict.fromkeys(text) if not self._knows(character)]

    def encode(self, text: str, replace: str | None = None) -> list[int]:
        """Return the ids of the tokens. `replace`: a known character that replaces unknown ones.

        Raises UnknownCharacterError if a character has no tokens and `replace` is not given.
        """
        unknown = self.unknown(text)
        if unknown and (replace is None or not self._knows(replace)):
            raise UnknownCharacterError(unknown)
        for character in unknown:
            text = text.replace(character, replace or "")
        ids = self._encode(text)
        if self.prefix and text and not self._has_bytes(ids, self.prefix + text.encode()):
            ids = self._encode(f" {text}")  # some add no space before a space
        if not self._has_bytes(ids, self.prefix + text.encode() if text else b""):
            raise ValueError(
                f"this tokenizer changes the text {text[:50]!r}; only one that keeps each character can be read"
            )
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids, without the space that SentencePiece puts in front of a text.

        Bytes that form no character become �. Raises ValueError for an id outside the vocabulary.
        """
        return b"".join(self.token_bytes(ids)).removeprefix(self.prefix).decode("utf-8", errors="replace")

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return one string per token; a token that is part of a character is written as its bytes, such as \\xe2."""
        return read_labels(self.token_bytes(ids))

    def token_bytes(self, ids: Iterable[int]) -> list[bytes]:
        """Return the bytes of each token; together they are `prefix` and the UTF-8 of the text."""
        ids = list(ids)
        check_ids(ids, self.vocab_size)
        return [self._bytes[i] for i in ids]

    @cached_property
    def prefix(self) -> bytes:
        """What `encode` puts in front of every text: b" " (SentencePiece) or b""."""
        known = next((character for character in "a0." if self._knows(character)), "")
        return b" " if b"".join(self._bytes[i] for i in self._encode(known)).startswith(b" ") else b""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON object: the tokenizer.json and the model's vocabulary size."""
        return {"kind": self.kind, "json": self._written, "vocab_size": self.vocab_size}

    def _encode(self, text: str) -> list[int]:
        return self._library.encode(text, add_special_tokens=False).ids

    def _has_bytes(self, ids: list[int], expected: bytes) -> bool:
        return b"".join(self._bytes[i] for i in ids) == expected

    def _knows(self, character: str) -> bool:
        if self._style == "bytes":
            return all(byte in self._known_bytes for byte in character.encode())
        if self._style == "plain":
            return character in self._vocabulary
        token = SPACE if character == " " else character
        return character != SPACE and (token in self._vocabulary or len(self._known_bytes) == 256)

    @cached_property
    def _known_bytes(self) -> set[int]:
        """The bytes that have a token of their own."""
        return {piece[0] for i, piece in enumerate(self._bytes) if len(piece) == 1 and i not in self._added}

    @cached_property
    def _bytes(self) -> list[bytes]:
        """The bytes of each token. A row of the model without a token has a text that says so."""
        pieces = [f"<no token {i}>".encode() for i in range(self.vocab_size)]
        for token, i in self._vocabulary.items():
            if i < self.vocab_size:
                pieces[i] = self._bytes_of(token, i)
        return pieces

    def _bytes_of(self, token: str, i: int) -> bytes:
        if self._style == "plain" or (i in self._added and (self._style == "bytes" or self._added[i].special)):
            return token.encode()
        if self._style == "bytes":
            return bytes_of(token) if all(character in BYTE_OF for character in token) else token.encode()
        byte = BYTE_TOKEN.fullmatch(token)
        return bytes([int(byte[1], 16)]) if byte else token.replace(SPACE, " ").encode()

    def _check(self) -> None:
        beyond = [token for token, i in self._vocabulary.items() if i >= self.vocab_size and i not in self._added]
        if beyond:
            raise ValueError(
                f"the tokenizer has {len(beyond)} tokens more than the model, which has {self.vocab_size}, such as "
                f"{beyond[0]!r}; both must be of the same model"
            )
        if not self.unknown(PROBE):
            self.encode(PROBE)


def read_tokenizer(folder: Path, model_type: str, vocab_size: int | None = None) -> HFTokenizer | None:
    """Return the tokenizer of a Hugging Face folder; None if it has none.

    model_type: says how to split words where the folder has only vocab.json and merges.txt. vocab_size: of the model.
    Raises ValueError if a file is damaged, or of a kind that is not known.
    """
    whole, vocabulary, merges = (folder / name for name in FILES)
    if whole.is_file():
        return HFTokenizer(whole.read_text(encoding="utf-8"), vocab_size)
    if not (vocabulary.is_file() and merges.is_file()):
        return None
    if model_type not in FAMILY_SPLITTING:
        raise ValueError(
            f"how a {model_type} splits words is not known without tokenizer.json; add this file to {str(folder)!r}"
        )
    try:
        tokens, pairs = BPE.read_file(str(vocabulary), str(merges))
    except Exception as error:  # the library raises no other type
        raise ValueError(f"vocab.json and merges.txt in {str(folder)!r} do not fit each other: {error}") from error
    return HFTokenizer.from_library(byte_level_bpe(tokens, pairs, FAMILY_SPLITTING[model_type]), vocab_size)


def _style_of(values: dict[str, Any]) -> str:
    """Return how tokens write bytes: "bytes", "sentencepiece" or "plain". values: of a tokenizer.json."""
    parts = json.dumps([values.get(name) for name in ("normalizer", "pre_tokenizer", "decoder")], ensure_ascii=False)
    if '"ByteLevel"' in parts:
        return "bytes"
    return "sentencepiece" if SPACE in parts else "plain"
