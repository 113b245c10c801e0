"""What the tokenizers share: the error for unknown characters, the check of ids, and the byte-level alphabet."""

from collections.abc import Sequence


class UnknownCharacterError(ValueError):
    """The text has characters that the tokenizer's alphabet lacks; they are in `.characters`."""

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = list(characters)
        shown = ", ".join(f"{c!r}" for c in self.characters[:10]) + (" and more" if len(self.characters) > 10 else "")
        super().__init__(f"{shown}: not in this model's alphabet; remove them, or give `replace` a character that is")


def check_ids(ids: list[int], vocab_size: int) -> None:
    """Raise ValueError if an id is not in 0 … vocab_size − 1."""
    wrong = next((i for i in ids if not 0 <= i < vocab_size), None)
    if wrong is not None:
        raise ValueError(f"there is no token {wrong}: ids go from 0 to {vocab_size - 1}")


def read_labels(pieces: list[bytes]) -> list[str]:
    """Return one string per token; a token that is part of a character is written as its bytes, such as \\xe2."""
    return [piece.decode("utf-8", errors="backslashreplace") for piece in pieces]


def bytes_of(token: str) -> bytes:
    """Undo the byte-level alphabet, which has a printable character for each of the 256 bytes (GPT-2's convention)."""
    return bytes(BYTE_OF[character] for character in token)


def _byte_alphabet() -> dict[str, int]:
    """character → byte: printable Latin-1 is its own byte, the other bytes follow from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


BYTE_OF = _byte_alphabet()
