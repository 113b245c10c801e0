"""A prompt as a model reads it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gpt import GPTConfig
    from gpt.text.tokenizer import Tokenizer


class Reader(Protocol):
    """A model that reads a prompt, such as `explorer.opened.Opened`."""

    @property
    def tokenizer(self) -> "Tokenizer": ...

    @property
    def config(self) -> "GPTConfig": ...


@dataclass(frozen=True)
class Reading:
    """The last block_size tokens of a prompt, what was cut off before them, and the unknown characters."""

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    skipped: int  # tokens before those
    unknown: tuple[str, ...]  # characters outside the alphabet, read as `stand_in`
    stand_in: str


def read_prompt(opened: Reader, text: str) -> Reading:
    """Return the text as this model's tokens. Unknown characters become its space, or its first character."""
    tokenizer = opened.tokenizer
    unknown = tokenizer.unknown(text)
    stand_in = stand_in_of(tokenizer)
    all_ids = tokenizer.encode(text, replace=stand_in)
    ids = all_ids[-opened.config.block_size :]
    return Reading(tuple(ids), tuple(tokenizer.tokens(ids)), len(all_ids) - len(ids), tuple(unknown), stand_in)


def stand_in_of(tokenizer: "Tokenizer") -> str:
    """Return the character that replaces unknown characters: the tokenizer's space, or its first character."""
    return " " if not tokenizer.unknown(" ") else tokenizer.decode([0])
