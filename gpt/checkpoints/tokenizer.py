"""A tokenizer as a Hugging Face folder has it: tokenizer.json and tokenizer_config.json."""

from pathlib import Path
from typing import Any

from tokenizers import Regex, decoders, pre_tokenizers
from tokenizers import Tokenizer as Library
from tokenizers.models import BPE, WordLevel

from gpt.text.alphabet import BYTE_OF
from gpt.text.hf_tokenizer import HFTokenizer
from gpt.text.tokenizer import BPETokenizer, CharTokenizer, Tokenizer
from gpt.train.files import write_json, write_text

CHARACTER_OF = {byte: character for character, byte in BYTE_OF.items()}


def write_tokenizer(tokenizer: Tokenizer, folder: Path, block_size: int) -> None:
    """Write a tokenizer that `transformers.AutoTokenizer` opens and that gives the same ids.

    block_size: the model's longest context, in tokens.
    """
    write_text(folder / "tokenizer.json", to_library(tokenizer).to_str(pretty=True))
    settings: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": block_size}
    write_json(folder / "tokenizer_config.json", settings | {"clean_up_tokenization_spaces": False})


def to_library(tokenizer: Tokenizer) -> Library:
    """Return this tokenizer as one of the `tokenizers` library.

    >>> to_library(CharTokenizer("abc")).encode("cab").ids
    [2, 0, 1]
    """
    if isinstance(tokenizer, CharTokenizer):
        return _characters(tokenizer)
    if isinstance(tokenizer, BPETokenizer):
        return _byte_pairs(tokenizer)
    return _from_elsewhere(tokenizer)


def _characters(tokenizer: CharTokenizer) -> Library:
    """Make every character a word of its own. Like ours, the library raises an error for an unknown one."""
    library = Library(WordLevel({character: i for i, character in enumerate(tokenizer.alphabet)}))
    library.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    library.decoder = decoders.Fuse()
    return library


def _byte_pairs(tokenizer: BPETokenizer) -> Library:
    """Write the ranks of tiktoken as merges.

    tiktoken joins two neighbours if they form a token, the token of the lowest rank first. So each way to cut a token
    into two tokens is a merge, in the order of ranks. A word that is a token needs no merges.
    """
    ranks = {token: rank for rank, token in enumerate(tokenizer.token_bytes(range(tokenizer.vocab_size)))}
    cuts = [(token[:cut], token[cut:]) for token in ranks for cut in range(1, len(token))]
    merges = [(_written(left), _written(right)) for left, right in cuts if left in ranks and right in ranks]
    vocabulary = {_written(token): rank for token, rank in ranks.items()}
    library = Library(BPE(vocabulary, merges, ignore_merges=True))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # cuts words as GPT2_PATTERN does
    library.decoder = decoders.ByteLevel()
    return library


def _from_elsewhere(tokenizer: HFTokenizer) -> Library:
    return Library.from_str(tokenizer.to_dict()["json"])


def _written(token: bytes) -> str:
    """Write each byte as a printable character, as a byte-level BPE does."""
    return "".join(CHARACTER_OF[byte] for byte in token)
